use std::collections::{BTreeMap, HashMap};

use super::output::LABEL;
use super::span::Span;
use crate::event::SpanId;

/// The requests that are running and their spans.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub(super) spans: HashMap<SpanId, Span>,
    /// By number. A request that began later has a larger one.
    pub(super) requests: BTreeMap<u64, Request>,
    /// The request whose lines are printed as they happen: no other has run since it began.
    pub(super) live: Option<u64>,
}

/// A request that is running.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: String,
    /// The width of the widest label so far, while it is live.
    pub(super) width: usize,
    /// Its outermost spans that have not ended.
    pub(super) roots: Vec<SpanId>,
}

impl Requests {
    /// The number of the running request with this id.
    pub(super) fn find(&self, id: &str) -> Option<u64> {
        self.requests.iter().find(|(_, request)| request.id == id).map(|(number, _)| *number)
    }

    /// Adds a request. It is live if no other is running; otherwise none is live any more. Returns its number, and whether
    /// another was live until now.
    pub(super) fn begin(&mut self, id: String) -> (u64, bool) {
        let number = self.requests.last_key_value().map_or(0, |(last, _)| last + 1);
        let was_live = self.live.take().is_some();
        self.live = self.requests.is_empty().then_some(number);
        self.requests.insert(number, Request { id, width: LABEL, roots: Vec::new() });
        (number, was_live)
    }

    pub(super) fn add(&mut self, id: SpanId, span: Span) {
        let siblings = match span.parent {
            Some(parent) => self.spans.get_mut(&parent).map(|parent| &mut parent.children),
            None => self.requests.get_mut(&span.request).map(|request| &mut request.roots),
        };
        siblings.into_iter().for_each(|siblings| siblings.push(id));
        self.spans.insert(id, span);
    }

    /// Removes an outermost span and the spans below it, and its request if it has no other.
    pub(super) fn remove(&mut self, root: SpanId) {
        let Some(number) = self.spans.get(&root).map(|span| span.request) else { return };
        let mut below = vec![root];
        while let Some(span) = below.pop().and_then(|id| self.spans.remove(&id)) {
            below.extend(span.children);
        }
        let Some(request) = self.requests.get_mut(&number) else { return };
        request.roots.retain(|other| *other != root);
        if request.roots.is_empty() {
            self.requests.remove(&number);
            self.live = self.live.filter(|live| *live != number);
        }
    }
}
