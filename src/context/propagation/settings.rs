use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::Key;

/// Which baggage is sent to and accepted from other processes: none by default. Used by
/// [`Context::inject`](crate::Context::inject) and [`Context::extract`](crate::Context::extract).
///
/// Baggage may identify a person, and the headers of a request from outside may contain anything. So both directions have a
/// list of keys. Clones share the counter of [ignored values](Self::ignored).
///
/// # Examples
///
/// ```
/// use allm_telemetry::propagation::Propagation;
///
/// let propagation = Propagation::new().send_baggage(["tenant"]).accept_baggage(["tenant", "user_id"]);
/// assert_eq!(propagation.ignored(), 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Propagation {
    sent: Vec<Key>,
    accepted: Vec<Key>,
    ignored: Arc<AtomicU64>,
}

impl Propagation {
    /// Creates settings that send and accept no baggage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends baggage with these keys. A key that is not a token of HTTP (letters, digits and some punctuation) cannot be sent.
    #[must_use]
    pub fn send_baggage<K: Into<Key>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.sent.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Accepts baggage with these keys.
    #[must_use]
    pub fn accept_baggage<K: Into<Key>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.accepted.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Returns how many values were ignored: received ones that were malformed, and baggage beyond the limits of W3C (64 entries,
    /// 8,192 bytes) in either direction. Baggage that is not on a list is not counted.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored.load(Ordering::Relaxed)
    }

    pub(super) fn sends(&self, key: &str) -> bool {
        self.sent.iter().any(|sent| sent == key)
    }

    pub(super) fn accepts(&self, key: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted == key)
    }

    pub(super) fn ignore_one(&self) {
        // Relaxed: a counter, on which no other data depends.
        self.ignored.fetch_add(1, Ordering::Relaxed);
    }
}
