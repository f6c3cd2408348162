//! Bounds on the size of exported values.
//!
//! Content is cut when the [`Policy`](super::policy::Policy) is applied, after redaction, so that a redactor sees a value as
//! a whole. Structured content stays structured: its texts are shortened, to a length that makes the whole fit, and only
//! if there are too many of them is the rest left out. All other attributes are cut when they are read from a span. A value
//! that was cut ends with [`MARKER`] and is counted.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::attribute::{Attribute, MAX_TEXT, is_plain};
use crate::event::{Metadata, Value, ValueRef};

/// Stands where text was cut.
const MARKER: &str = "…[truncated]";
/// The size that the quotes and separators of a value take in JSON.
const OVERHEAD: usize = 4;

/// How large content may be, and how many values were cut. Clones share the count.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    /// In bytes.
    content: usize,
    cut_count: Arc<AtomicU64>,
}

impl Bounds {
    const CONTENT: usize = 64 * 1_024;
    /// Texts in structured content are not shortened further than that.
    const SHORTEST: usize = 64;

    pub(super) fn set_content(&mut self, bytes: usize) {
        self.content = bytes.max(Self::SHORTEST);
    }

    pub(super) fn cut_count(&self) -> u64 {
        self.cut_count.load(Ordering::Relaxed)
    }

    /// Returns content that is cut or in which NUL was replaced; `None` if the value can be exported as it is.
    pub(super) fn content(&self, value: ValueRef<'_>) -> Option<Value> {
        self.fit(value, self.content)
    }

    /// Returns a value that is not content, cut; `None` if it can be exported as it is.
    pub(super) fn metadata(&self, value: ValueRef<'_>) -> Option<Value> {
        self.fit(value, MAX_TEXT)
    }

    /// Returns a text that may be as large as content, such as a stack trace.
    pub(super) fn long_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.text(text, self.content).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// Returns a key that the user chose, of the size of an attribute.
    pub(super) fn key(&self, key: &str) -> String {
        self.text(key, MAX_TEXT).unwrap_or_else(|| key.to_owned())
    }

    /// Makes an attribute fit that is not content. Returns whether it can be exported: NaN and infinities cannot.
    #[inline]
    pub(super) fn attribute(&self, value: &mut Attribute<'_>) -> bool {
        match value {
            Attribute::Text(text) if is_plain(text, MAX_TEXT) => true,
            Attribute::Literal(_) | Attribute::Int(_) | Attribute::Bool(_) => true,
            Attribute::Float(float) => float.is_finite(),
            other => self.cut_attribute(other),
        }
    }

    #[cold]
    fn cut_attribute(&self, value: &mut Attribute<'_>) -> bool {
        match value {
            Attribute::Text(text) => {
                if let Some(cut) = self.text(text, MAX_TEXT) {
                    *text = cut.into();
                }
            }
            Attribute::Texts(texts) => {
                for text in texts.iter_mut() {
                    if let Some(cut) = self.text(text, MAX_TEXT) {
                        *text = cut.into();
                    }
                }
                let mut size = 0;
                let fitting = texts.iter().take_while(|text| {
                    size += text.len();
                    size <= MAX_TEXT
                });
                let fitting = fitting.count();
                if fitting < texts.len() {
                    texts.truncate(fitting);
                    texts.push(MARKER.into());
                    self.count();
                }
            }
            _ => {}
        }
        true
    }

    fn fit(&self, value: ValueRef<'_>, limit: usize) -> Option<Value> {
        match value {
            ValueRef::Text(text) => self.text(text, limit).map(Value::from),
            ValueRef::List(_) | ValueRef::Map(_) if !fits(value, &mut { limit }) => {
                let (value, is_cut) = shortened(value, limit);
                if is_cut {
                    self.count();
                }
                Some(value)
            }
            _ => None,
        }
    }

    fn text(&self, text: &str, limit: usize) -> Option<String> {
        if text.len() > limit {
            self.count();
        }
        plain(text, limit)
    }

    fn count(&self) {
        self.cut_count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self { content: Self::CONTENT, cut_count: Arc::default() }
    }
}

/// Returns a text of at most `limit` bytes without NUL; `None` if the text is one already.
fn plain(text: &str, limit: usize) -> Option<String> {
    if is_plain(text, limit) {
        return None;
    }
    let is_cut = text.len() > limit;
    let mut plain = text[..floor_char_boundary(text, limit)].replace('\0', "\u{fffd}");
    // The replacement has three bytes, so the text may have become too long only now.
    if is_cut || plain.len() > limit {
        plain.truncate(floor_char_boundary(&plain, limit.saturating_sub(MARKER.len())));
        plain.push_str(MARKER);
    }
    Some(plain)
}

/// Returns the largest index up to `index` at which no character is split.
fn floor_char_boundary(text: &str, index: usize) -> usize {
    if index >= text.len() {
        return text.len();
    }
    // A character has at most four bytes, and 0 is a boundary.
    (0..=index).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Takes the size of a value from `left`. Returns whether it was enough and no text contains NUL.
fn fits(value: ValueRef<'_>, left: &mut usize) -> bool {
    let size = match value {
        ValueRef::Text(text) => text.len(),
        _ => 0,
    };
    let Some(rest) = left.checked_sub(size + OVERHEAD) else { return false };
    *left = rest;
    match value {
        ValueRef::Text(text) => !text.as_bytes().contains(&0),
        ValueRef::List(values) => values.iter().all(|value| fits(value.as_value_ref(), left)),
        ValueRef::Map(fields) => fields
            .iter()
            .all(|(key, value)| fits(ValueRef::Text(key), left) && fits(value.as_value_ref(), left)),
        _ => true,
    }
}

/// Shortens the texts of a list or a map, all to one length. If that is not enough, the first elements are kept. Returns
/// also whether anything was cut.
fn shortened(value: ValueRef<'_>, limit: usize) -> (Value, bool) {
    let mut longest = limit;
    loop {
        let mut copy = BoundedCopy { longest, left: limit, has_all: true, is_cut: false };
        let value = copy.value(value);
        longest /= 2;
        if copy.has_all || longest < Bounds::SHORTEST {
            return (value, copy.is_cut || !copy.has_all);
        }
    }
}

/// Copies a value up to a size.
struct BoundedCopy {
    /// The size to which texts are cut.
    longest: usize,
    left: usize,
    /// There was room for every element.
    has_all: bool,
    /// A text was cut to the longest size.
    is_cut: bool,
}

impl BoundedCopy {
    fn value(&mut self, value: ValueRef<'_>) -> Value {
        match value {
            ValueRef::Text(text) => self.text(text).into(),
            ValueRef::List(values) => {
                let mut copy = Vec::new();
                for value in values {
                    if !self.has_room() {
                        copy.push(MARKER.into());
                        break;
                    }
                    copy.push(self.value(value.as_value_ref()));
                }
                Value::List(copy)
            }
            ValueRef::Map(fields) => {
                let mut copy = Metadata::new();
                for (key, value) in fields.iter() {
                    if !self.has_room() {
                        copy.insert(MARKER, Value::Null);
                        break;
                    }
                    let key = self.text(key);
                    let value = self.value(value.as_value_ref());
                    copy.insert(key, value);
                }
                Value::Map(copy)
            }
            other => {
                self.take(0);
                other.to_value()
            }
        }
    }

    fn text(&mut self, text: &str) -> String {
        let longest = self.longest.min(self.left.max(Bounds::SHORTEST));
        self.has_all &= longest == self.longest || text.len() <= longest;
        self.is_cut |= text.len() > longest;
        let text = plain(text, longest).unwrap_or_else(|| text.to_owned());
        self.take(text.len());
        text
    }

    fn take(&mut self, size: usize) {
        self.left = self.left.saturating_sub(size + OVERHEAD);
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.left > 0;
        self.has_all &= has_room;
        has_room
    }
}
