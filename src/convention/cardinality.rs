use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What stands for every value beyond the bound.
pub(super) const OTHER: &str = "_OTHER";

/// What is bounded: values that come from users, models and vendors, and become names and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounded {
    Model,
    ResponseModel,
    Tool,
    Provider,
    Agent,
    DataSource,
    ErrorType,
}

/// Lets the first values of each key pass; the rest is `_OTHER`, and counted.
pub(super) struct CardinalityLimiter {
    hasher: RandomState,
    most: usize,
    seen: [Seen; Self::KEYS],
    /// The user's keys that are labels.
    labels: Vec<(Cow<'static, str>, Seen)>,
    folded: AtomicU64,
}

/// The values that one key may have. Only grows, up to its bound; reading takes no lock.
#[derive(Default)]
struct Seen {
    /// The first of them: most services have one model, and its name is compared in less time than it is hashed.
    first: OnceLock<Box<str>>,
    /// Open addressing, never more than half full.
    slots: OnceLock<Box<[OnceLock<Box<str>>]>>,
    /// How many there are. PanicSafe while one is added.
    count: Mutex<usize>,
}

impl CardinalityLimiter {
    const KEYS: usize = Bounded::ErrorType as usize + 1;
    /// Values a key, if nothing else is said.
    pub(super) const DEFAULT: usize = 64;
    /// A table of the values is made at once, so its size has a bound too.
    pub(super) const MOST: usize = 4_096;
    /// A name is short. In bytes; what is longer would be kept for good, and shown on every chart.
    const LONGEST: usize = 256;

    pub(super) fn new(most: usize, labels: impl IntoIterator<Item = Cow<'static, str>>) -> Self {
        Self {
            hasher: RandomState::new(),
            most: most.min(Self::MOST),
            seen: Default::default(),
            labels: labels.into_iter().map(|key| (key, Seen::default())).collect(),
            folded: AtomicU64::new(0),
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// How often a value became `_OTHER`.
    pub(super) fn overflow_count(&self) -> u64 {
        self.folded.load(Ordering::Relaxed)
    }

    /// The user's keys that are labels.
    pub(super) fn labels(&self) -> impl Iterator<Item = &Cow<'static, str>> {
        self.labels.iter().map(|(key, _)| key)
    }

    /// The value, or `_OTHER`.
    pub(super) fn bound<'a>(&self, key: Bounded, value: &'a str) -> &'a str {
        self.check(&self.seen[key as usize], value)
    }

    /// The value of a label of the user's by its place, or `_OTHER`.
    pub(super) fn bound_label<'a>(&self, place: usize, value: &'a str) -> &'a str {
        self.check(&self.labels[place].1, value)
    }

    fn check<'a>(&self, seen: &Seen, value: &'a str) -> &'a str {
        if value == OTHER || seen.admits(value, &self.hasher, self.most) {
            return value;
        }
        self.folded.fetch_add(1, Ordering::Relaxed);
        OTHER
    }
}

impl Seen {
    #[inline]
    fn admits(&self, value: &str, hasher: &RandomState, most: usize) -> bool {
        self.first.get().is_some_and(|first| **first == *value) || self.finds(value, hasher, most)
    }

    fn finds(&self, value: &str, hasher: &RandomState, most: usize) -> bool {
        if value.len() > CardinalityLimiter::LONGEST || most == 0 {
            return false;
        }
        let slots = self.slots.get_or_init(|| (0..2 * most).map(|_| OnceLock::new()).collect());
        let from = usize::try_from(hasher.hash_one(value) % slots.len() as u64).unwrap_or(0);
        let (before, after) = slots.split_at(from);
        let mut probed = after.iter().chain(before);
        // A value stands in the first free slot that it met, and none is ever freed.
        let is_here = |slots: &mut dyn Iterator<Item = &OnceLock<Box<str>>>| {
            slots.map_while(OnceLock::get).any(|it| &**it == value)
        };
        if is_here(&mut probed.clone()) {
            return true;
        }
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if is_here(&mut probed.clone()) {
            return true;
        }
        if *count == most {
            return false;
        }
        *count += 1;
        // It has a slot as well: what is told of the others needs no exception for it.
        self.first.get_or_init(|| value.into());
        probed.any(|slot| slot.set(value.into()).is_ok())
    }
}

impl fmt::Debug for CardinalityLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardinalityLimiter")
            .field("most", &self.most)
            .field("folded", &self.folded)
            .finish_non_exhaustive()
    }
}
