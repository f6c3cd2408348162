use super::render::End;
use super::role::Role;
use crate::event::SpanId;

/// A span whose outermost span has not ended.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) label: String,
    /// The number of its request in [`Requests`](super::requests::Requests).
    pub(super) request: u64,
    /// `None` if it is the outermost one that was seen.
    pub(super) parent: Option<SpanId>,
    pub(super) children: Vec<SpanId>,
    pub(super) depth: usize,
    /// The lines between its start and its end.
    notes: Vec<(Role, String)>,
    pub(super) end: Option<End>,
}

impl Span {
    /// A limit, so that a call that is retried without end does not fill the memory.
    const MAX_NOTES: usize = 16;

    pub(super) fn new(label: String, request: u64, parent: Option<SpanId>, depth: usize) -> Self {
        Self { label, request, parent, children: Vec::new(), depth, notes: Vec::new(), end: None }
    }

    pub(super) fn note(&mut self, role: Role, text: String) {
        if self.notes.len() < Self::MAX_NOTES {
            self.notes.push((role, text));
        }
    }

    /// The lines below its own: what happened, then the content of its end.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Role, &str)> {
        let notes = self.notes.iter().map(|(role, text)| (*role, &**text));
        let texts = self.end.iter().flat_map(|end| &end.texts);
        notes.chain(texts.map(|text| (Role::Plain, &**text)))
    }
}
