use std::mem;
use std::str;

/// Appends bytes to a text, where a character may be split over several pieces of bytes.
///
/// The bytes of an incomplete character at the end of a piece are kept until the next one. Bytes that are not UTF-8 become
/// U+FFFD, so the text is that of [`String::from_utf8_lossy`] for all pieces at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Utf8Joiner {
    /// At most three bytes.
    incomplete: Vec<u8>,
}

impl Utf8Joiner {
    pub(crate) const fn new() -> Self {
        Self { incomplete: Vec::new() }
    }

    pub(crate) fn is_incomplete(&self) -> bool {
        !self.incomplete.is_empty()
    }

    pub(crate) fn push(&mut self, piece: &[u8], text: &mut String) {
        if self.incomplete.is_empty() {
            self.push_joined(piece, text);
        } else {
            let mut joined = mem::take(&mut self.incomplete);
            joined.extend_from_slice(piece);
            self.push_joined(&joined, text);
        }
    }

    /// Ends the bytes: an incomplete character becomes U+FFFD.
    pub(crate) fn finish(&mut self, text: &mut String) {
        if !mem::take(&mut self.incomplete).is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn push_joined(&mut self, bytes: &[u8], text: &mut String) {
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            // `error_len` is `None` if more bytes could complete the character.
            let is_incomplete = chunks.peek().is_none()
                && str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if is_incomplete {
                self.incomplete = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}
