use std::borrow::Cow;
use std::fmt;

use super::number::Number;
use super::value::Value;

/// A key of an event, or a short text such as a model's name: a `&'static str`, almost always a literal, or a `String`.
pub type Key = Cow<'static, str>;

/// The context of an event: keys and values, in the order in which they were set.
pub type Metadata = Fields<Value>;

/// The numbers of an event, in the order in which they were set.
pub type Measurements = Fields<Number>;

/// A small ordered map; setting a key again replaces its value.
///
/// # Examples
///
/// ```
/// use allm_telemetry::event::{Measurements, Metadata};
///
/// let metadata = Metadata::new().with("model", "gpt-5").with("cached", true);
/// assert_eq!(metadata.get("model"), Some(&"gpt-5".into()));
/// assert_eq!(Measurements::from([("cost_usd", 0.02)]).len(), 1);
/// ```
#[derive(Clone, PartialEq)]
pub struct Fields<V> {
    // A handful of keys: a scan is faster than a hash, and keeps the order.
    entries: Vec<(Key, V)>,
}

impl<V> Fields<V> {
    /// No fields. Allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// These fields and one more.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key>, value: impl Into<V>) -> Self {
        self.insert(key, value);
        self
    }

    /// Sets a key; gives back the value that stood there.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<V>) -> Option<V> {
        let (key, value) = (key.into(), value.into());
        match self.entries.iter_mut().find(|entry| entry.0 == key) {
            Some(entry) => Some(std::mem::replace(&mut entry.1, value)),
            None => {
                self.entries.push((key, value));
                None
            }
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&V> {
        let entry = self.entries.iter().find(|entry| entry.0 == key)?;
        Some(&entry.1)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }
}

/// As a map, which is what one reads in a test that fails.
impl<V: fmt::Debug> fmt::Debug for Fields<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<V> Default for Fields<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> IntoIterator for Fields<V> {
    type Item = (Key, V);
    type IntoIter = std::vec::IntoIter<(Key, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
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
