use std::collections::{BTreeMap, HashMap};

use super::layout::LABEL;
use super::span::Span;

/// The requests that are running and their spans, up to a maximum number of spans.
#[derive(Debug)]
pub(super) struct Requests {
    spans: HashMap<u64, Span>,
    /// By number. A request that began later has a larger one.
    requests: BTreeMap<u64, Request>,
    /// Numbers by request id.
    numbers: HashMap<String, u64>,
    next: u64,
    max_spans: usize,
    /// The request whose lines are printed as they happen: no other has run since it began.
    live: Option<u64>,
}

/// A request that is running.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: String,
    /// The width of the widest label so far, while it is live.
    pub(super) width: usize,
    /// Its outermost spans that have not ended.
    pub(super) roots: Vec<u64>,
}

impl Requests {
    pub(super) fn new(max_spans: usize) -> Self {
        let max_spans = max_spans.max(1);
        Self {
            spans: HashMap::new(),
            requests: BTreeMap::new(),
            numbers: HashMap::new(),
            next: 0,
            max_spans,
            live: None,
        }
    }

    pub(super) fn span(&self, id: u64) -> Option<&Span> {
        self.spans.get(&id)
    }

    pub(super) fn span_mut(&mut self, id: u64) -> Option<&mut Span> {
        self.spans.get_mut(&id)
    }

    pub(super) fn request(&self, number: u64) -> Option<&Request> {
        self.requests.get(&number)
    }

    /// The request, if its lines are printed as they happen.
    pub(super) fn live_mut(&mut self, number: u64) -> Option<&mut Request> {
        if self.is_live(number) { self.requests.get_mut(&number) } else { None }
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.requests.keys().copied()
    }

    pub(super) fn is_live(&self, number: u64) -> bool {
        self.live == Some(number)
    }

    pub(super) fn is_full(&self) -> bool {
        self.spans.len() >= self.max_spans
    }

    /// The oldest request other than this one.
    pub(super) fn oldest_except(&self, request: Option<u64>) -> Option<u64> {
        self.requests.keys().copied().find(|number| Some(*number) != request)
    }

    /// The number of the running request with this id.
    pub(super) fn find(&self, id: &str) -> Option<u64> {
        self.numbers.get(id).copied()
    }

    /// Adds a request. It is live if no other is running; otherwise none is live any more. Returns its number, and whether
    /// another was live until now.
    pub(super) fn begin(&mut self, id: String) -> (u64, bool) {
        let number = self.next;
        self.next += 1;
        let was_live = self.live.take().is_some();
        if self.requests.is_empty() {
            self.live = Some(number);
        }
        self.numbers.insert(id.clone(), number);
        self.requests.insert(number, Request { id, width: LABEL, roots: Vec::new() });
        (number, was_live)
    }

    pub(super) fn add(&mut self, id: u64, span: Span) {
        match span.parent {
            Some(parent) => {
                self.spans.get_mut(&parent).into_iter().for_each(|parent| parent.children.push(id))
            }
            None => {
                self.requests.get_mut(&span.request).into_iter().for_each(|request| request.roots.push(id))
            }
        }
        self.spans.insert(id, span);
    }

    /// Removes an outermost span and the spans below it, and its request if it has no other.
    pub(super) fn remove(&mut self, root: u64) {
        let Some(number) = self.spans.get(&root).map(|span| span.request) else { return };
        let mut below = vec![root];
        while let Some(span) = below.pop().and_then(|id| self.spans.remove(&id)) {
            below.extend(span.children);
        }
        let Some(request) = self.requests.get_mut(&number) else { return };
        request.roots.retain(|other| *other != root);
        if request.roots.is_empty() {
            if let Some(request) = self.requests.remove(&number) {
                self.numbers.remove(&request.id);
            }
            self.live = self.live.filter(|live| *live != number);
        }
    }
}
