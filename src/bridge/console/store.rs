use std::collections::{BTreeMap, HashMap};

use super::layout::LABEL;
use super::span::Span;

/// The spans of the requests that run, by their ids. It holds so many and no more.
#[derive(Debug)]
pub(super) struct Store {
    spans: HashMap<u64, Span>,
    /// By age.
    requests: BTreeMap<u64, Request>,
    by_id: HashMap<String, u64>,
    next: u64,
    max: usize,
    /// The request whose lines appear as they happen: it has been alone since it began.
    live: Option<u64>,
}

/// One request that runs.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: String,
    /// How wide its labels have been so far, while it is live.
    pub(super) width: usize,
    /// Its outermost spans that have not ended.
    pub(super) roots: Vec<u64>,
}

impl Store {
    pub(super) fn new(max: usize) -> Self {
        let max = max.max(1);
        Self {
            spans: HashMap::new(),
            requests: BTreeMap::new(),
            by_id: HashMap::new(),
            next: 0,
            max,
            live: None,
        }
    }

    pub(super) fn span(&self, id: u64) -> Option<&Span> {
        self.spans.get(&id)
    }

    pub(super) fn span_mut(&mut self, id: u64) -> Option<&mut Span> {
        self.spans.get_mut(&id)
    }

    pub(super) fn request(&self, place: u64) -> Option<&Request> {
        self.requests.get(&place)
    }

    /// The request with this place, if its lines appear as they happen.
    pub(super) fn live_mut(&mut self, place: u64) -> Option<&mut Request> {
        if self.is_live(place) { self.requests.get_mut(&place) } else { None }
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = u64> {
        self.requests.keys().copied()
    }

    pub(super) fn is_live(&self, place: u64) -> bool {
        self.live == Some(place)
    }

    pub(super) fn is_full(&self) -> bool {
        self.spans.len() >= self.max
    }

    /// The oldest request but this one.
    pub(super) fn oldest_but(&self, request: Option<u64>) -> Option<u64> {
        self.requests.keys().copied().find(|place| Some(*place) != request)
    }

    /// Where a request with this id runs.
    pub(super) fn find(&self, id: &str) -> Option<u64> {
        self.by_id.get(id).copied()
    }

    /// Begins a request. It is live if it is alone; else none is any more, and says whether one was.
    pub(super) fn begin(&mut self, id: String) -> (u64, bool) {
        let place = self.next;
        self.next += 1;
        let was_live = self.live.take().is_some();
        if self.requests.is_empty() {
            self.live = Some(place);
        }
        self.by_id.insert(id.clone(), place);
        self.requests.insert(place, Request { id, width: LABEL, roots: Vec::new() });
        (place, was_live)
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

    /// Forgets an outermost span and what is below it, and its request if that was the last.
    pub(super) fn forget(&mut self, root: u64) {
        let Some(place) = self.spans.get(&root).map(|span| span.request) else { return };
        let mut below = vec![root];
        while let Some(span) = below.pop().and_then(|id| self.spans.remove(&id)) {
            below.extend(span.children);
        }
        let Some(request) = self.requests.get_mut(&place) else { return };
        request.roots.retain(|other| *other != root);
        if request.roots.is_empty() {
            if let Some(request) = self.requests.remove(&place) {
                self.by_id.remove(&request.id);
            }
            self.live = self.live.filter(|live| *live != place);
        }
    }
}
