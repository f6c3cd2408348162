//! Bounds on the number of values that names and labels may have.
//!
//! Models, tools, providers and error classes are named by users, models and vendors. Each combination of labels is a
//! permanent time series in a metrics backend, so for each dimension only the first values pass. Every later one is
//! replaced by `_OTHER` and counted. The set of values only grows, up to its bound: what passed once always passes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// Replaces every value beyond the bound.
pub(super) const OTHER: &str = "_OTHER";

/// A bounded set of values that end up in names and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    Model,
    ResponseModel,
    Tool,
    Provider,
    Agent,
    DataSource,
    ErrorType,
}

/// Lets the first values of each dimension pass and replaces the others.
pub(super) struct CardinalityLimiter {
    max: usize,
    /// By dimension.
    seen: [Seen; Self::DIMENSIONS],
    /// The user's keys that are labels, each a dimension of its own.
    labels: Vec<(Cow<'static, str>, Seen)>,
    overflow_count: AtomicU64,
}

// Most programs use few values, which are found with one or two comparisons. Hashing each label took 1,600 of the 10,000
// instructions for the metrics of a span.
type Seen = RwLock<BTreeSet<Box<str>>>;

impl CardinalityLimiter {
    const DIMENSIONS: usize = Dimension::ErrorType as usize + 1;
    /// How many values a dimension may have if nothing else is set.
    pub(super) const DEFAULT_MAX: usize = 64;
    const LARGEST_MAX: usize = 4_096;
    /// In bytes. A longer value would be kept in memory, and shown on every chart.
    const MAX_LENGTH: usize = 256;

    pub(super) fn new(max: usize, labels: impl IntoIterator<Item = Cow<'static, str>>) -> Self {
        Self {
            max: max.min(Self::LARGEST_MAX),
            seen: Default::default(),
            labels: labels.into_iter().map(|key| (key, Seen::default())).collect(),
            overflow_count: AtomicU64::new(0),
        }
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// How many values were replaced.
    pub(super) fn overflow_count(&self) -> u64 {
        self.overflow_count.load(Ordering::Relaxed)
    }

    /// The user's keys that are labels.
    pub(super) fn labels(&self) -> impl Iterator<Item = &Cow<'static, str>> {
        self.labels.iter().map(|(key, _)| key)
    }

    /// Returns the value, or `_OTHER`.
    pub(super) fn limit<'a>(&self, dimension: Dimension, value: Cow<'a, str>) -> Cow<'a, str> {
        self.limit_in(&self.seen[dimension as usize], value)
    }

    /// Returns the value of the user's label with this index, or `_OTHER`.
    pub(super) fn limit_label<'a>(&self, index: usize, value: Cow<'a, str>) -> Cow<'a, str> {
        self.limit_in(&self.labels[index].1, value)
    }

    fn limit_in<'a>(&self, seen: &Seen, value: Cow<'a, str>) -> Cow<'a, str> {
        if value == OTHER || self.admits(seen, &value) {
            return value;
        }
        self.overflow_count.fetch_add(1, Ordering::Relaxed);
        OTHER.into()
    }

    fn admits(&self, seen: &Seen, value: &str) -> bool {
        // A panic cannot leave the set half changed, so a poisoned lock is used as it is.
        let known = seen.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(value) {
            return true;
        }
        // Once the set is full, no caller takes the write lock any more.
        // Databases refuse NUL.
        if known.len() >= self.max || value.len() > Self::MAX_LENGTH || value.contains('\0') {
            return false;
        }
        drop(known);
        let mut known = seen.write().unwrap_or_else(PoisonError::into_inner);
        // Other threads may have added values since, this one among them.
        known.contains(value) || (known.len() < self.max && known.insert(value.into()))
    }
}

impl fmt::Debug for CardinalityLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardinalityLimiter")
            .field("max", &self.max)
            .field("overflow_count", &self.overflow_count)
            .finish_non_exhaustive()
    }
}
