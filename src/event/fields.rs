use std::borrow::Cow;
use std::collections::HashMap;
use std::{fmt, iter, slice, vec};

use super::number::Number;
use super::value::Value;

/// A key of an event, or a short text such as a model's name: a `&'static str` (usually a literal) or a `String`.
pub type Key = Cow<'static, str>;

/// The descriptive values of an event by key, in the order in which they were set.
pub type Metadata = Fields<Value>;

/// The numbers of an event by key, in the order in which they were set.
pub type Measurements = Fields<Number>;

/// A map in the order of insertion. Setting a key again replaces its value.
///
/// # Examples
///
/// ```
/// use allm_telemetry::event::{Measurements, Metadata};
///
/// let metadata = Metadata::new().with("model", "gpt-5").with("cached", true);
/// assert_eq!(metadata.get("model"), Some(&"gpt-5".into()));
/// assert_eq!(Measurements::from([("cost_usd", 0.02)]).len(), 1);
/// for (key, value) in &metadata {
///     println!("{key}: {value}");
/// }
/// ```
#[derive(Clone)]
pub struct Fields<V> {
    entries: Vec<(Key, V)>,
    /// The position of each key, if there are more than [`MAX_SCANNED`]. For fewer keys, a scan is faster.
    // Boxed, because almost no map has it, and a `HashMap` takes 48 bytes.
    #[expect(clippy::box_collection, reason = "keeps the many maps without an index small")]
    index: Option<Box<HashMap<Key, usize>>>,
}

/// The largest number of keys that are searched linearly.
const MAX_SCANNED: usize = 32;

impl<V> Fields<V> {
    /// Creates an empty map without an allocation.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new(), index: None }
    }

    /// Returns these fields and one more.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key>, value: impl Into<V>) -> Self {
        self.insert(key, value);
        self
    }

    /// Sets a key, and returns its previous value.
    // Inlined, because an entry of 56 bytes is moved twice otherwise: that was most of 13 of the 545 ns of three nested spans.
    #[inline]
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<V>) -> Option<V> {
        let (key, value) = (key.into(), value.into());
        if let Some(position) = self.position(&key) {
            return Some(std::mem::replace(&mut self.entries[position].1, value));
        }
        self.entries.push((key, value));
        if self.entries.len() > MAX_SCANNED {
            self.index_new();
        }
        None
    }

    /// Puts the entries that are not in the index there: all at first, the last one afterwards.
    #[cold]
    fn index_new(&mut self) {
        let index = self.index.get_or_insert_default();
        for (position, (key, _)) in self.entries.iter().enumerate().skip(index.len()) {
            index.insert(key.clone(), position);
        }
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&V> {
        self.position(key).map(|position| &self.entries[position].1)
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|entry| entry.0 == key),
        }
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the fields as they are stored, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &(Key, V)> {
        self.entries.iter()
    }

    /// Returns the fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.into_iter()
    }
}

/// Two maps are equal if they have the same entries in the same order.
impl<V: PartialEq> PartialEq for Fields<V> {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

/// Formats as a map.
impl<V: fmt::Debug> fmt::Debug for Fields<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<V> Default for Fields<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> IntoIterator for Fields<V> {
    type Item = (Key, V);
    type IntoIter = vec::IntoIter<(Key, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a, V> IntoIterator for &'a Fields<V> {
    type Item = (&'a str, &'a V);
    type IntoIter = iter::Map<slice::Iter<'a, (Key, V)>, fn(&'a (Key, V)) -> (&'a str, &'a V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }
}

impl<K: Into<Key>, T: Into<V>, V> Extend<(K, T)> for Fields<V> {
    fn extend<I: IntoIterator<Item = (K, T)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Into<Key>, T: Into<V>, V> FromIterator<(K, T)> for Fields<V> {
    fn from_iter<I: IntoIterator<Item = (K, T)>>(entries: I) -> Self {
        let mut fields = Self::new();
        fields.extend(entries);
        fields
    }
}

impl<K: Into<Key>, T: Into<V>, V, const N: usize> From<[(K, T); N]> for Fields<V> {
    fn from(entries: [(K, T); N]) -> Self {
        entries.into_iter().collect()
    }
}
