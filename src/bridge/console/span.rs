use super::paint::Role;
use super::told::End;

/// A span that began and whose outermost one has not ended.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) label: String,
    /// The place of its request in the [`Store`](super::store::Store).
    pub(super) request: u64,
    /// `None` if it is the outermost that is known here.
    pub(super) parent: Option<u64>,
    pub(super) children: Vec<u64>,
    pub(super) depth: usize,
    /// Lines between its start and its end.
    notes: Vec<Note>,
    pub(super) end: Option<End>,
}

/// A line that belongs to a span.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) role: Role,
    pub(super) text: String,
}

impl Span {
    /// A call that is tried again for ever fills no memory.
    const MAX_NOTES: usize = 16;

    pub(super) fn new(label: String, request: u64, parent: Option<u64>, depth: usize) -> Self {
        Self { label, request, parent, children: Vec::new(), depth, notes: Vec::new(), end: None }
    }

    pub(super) fn note(&mut self, role: Role, text: String) {
        if self.notes.len() < Self::MAX_NOTES {
            self.notes.push(Note { role, text });
        }
    }

    /// The lines below its own: what happened, then the content that it ended with.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Role, &str)> {
        let notes = self.notes.iter().map(|note| (note.role, &*note.text));
        let texts = self.end.iter().flat_map(|end| &end.texts);
        notes.chain(texts.map(|text| (Role::Plain, &**text)))
    }
}
