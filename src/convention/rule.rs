use super::attribute::Attribute;
use super::span_view::SpanView;
use crate::event::Content;

/// One attribute of a span: its key, and a function that reads its value.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub(super) key: &'static str,
    source: &'static str,
    content: Content,
    at_start: bool,
    read: Read,
}

/// Reads the value from a span. Returns `None` if the span has none.
type Read = for<'a> fn(&SpanView<'a, '_>) -> Option<Attribute<'a>>;

impl Rule {
    /// A value that is known when the span starts.
    pub(super) const fn start(key: &'static str, source: &'static str, read: Read) -> Self {
        Self { key, source, content: Content::NONE, at_start: true, read }
    }

    /// A value that is known when the span ends.
    pub(super) const fn end(key: &'static str, source: &'static str, read: Read) -> Self {
        Self { at_start: false, ..Self::start(key, source, read) }
    }

    /// A value made of the span's input: content.
    pub(super) const fn input(key: &'static str, source: &'static str, read: Read) -> Self {
        Self { content: Content::INPUT, ..Self::start(key, source, read) }
    }

    /// A value made of the span's output: content.
    pub(super) const fn output(key: &'static str, source: &'static str, read: Read) -> Self {
        Self { content: Content::OUTPUT, ..Self::end(key, source, read) }
    }

    /// Returns the attribute's key.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// Returns which content the value is. It is [`Content::NONE`] if the value is not content, and is sent by any policy.
    #[must_use]
    pub fn content(&self) -> Content {
        self.content
    }

    /// Returns where the value comes from, in words.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    pub(super) fn is_known_at_start(&self) -> bool {
        self.at_start
    }

    pub(super) fn read<'a>(&self, span: &SpanView<'a, '_>) -> Option<Attribute<'a>> {
        (self.read)(span)
    }
}
