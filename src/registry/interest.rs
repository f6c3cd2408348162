use std::sync::PoisonError;

use super::sync::{AtomicU32, Mutex, MutexGuard, Ordering, process_wide};
use crate::event::{EventName, KnownEvent, SpanName};

/// What is followed: a bit a span, one each for retries and failures, one for all names outside the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventSet(u32);

impl EventSet {
    const COUNT: usize = SpanName::ALL.len() + 3;
    pub(crate) const RETRY: Self = Self(1 << SpanName::ALL.len());
    pub(crate) const FAILURE: Self = Self(1 << (SpanName::ALL.len() + 1));
    pub(crate) const CUSTOM: Self = Self(1 << (SpanName::ALL.len() + 2));

    pub(crate) const ANY: Self = Self(u32::MAX);

    pub(crate) const fn span(name: SpanName) -> Self {
        Self(1 << name as u32)
    }

    pub(crate) fn event(name: &EventName) -> Self {
        match name.as_known() {
            Some(KnownEvent::Span(span, _)) => Self::span(span),
            Some(KnownEvent::Retry) => Self::RETRY,
            Some(KnownEvent::HandlerFailure) => Self::FAILURE,
            None => Self::CUSTOM,
        }
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn has(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }
}

type Counts = [u32; EventSet::COUNT];

process_wide! {
    static ANYWHERE: Tally = Tally { mask: AtomicU32::new(0), counts: Mutex::new([0; EventSet::COUNT]) };
}

/// Whether any of these is followed on any handle: the one load that decides whether a span is worth building.
#[inline]
pub(crate) fn anywhere(followed: EventSet) -> bool {
    ANYWHERE.has(followed)
}

/// What is followed on one handle.
#[derive(Debug, Default)]
pub(super) struct Interest(Tally);

impl Interest {
    #[inline]
    pub(super) fn has(&self, followed: EventSet) -> bool {
        self.0.has(followed)
    }

    pub(super) fn add(&self, followed: EventSet) {
        let more = |place, count| if followed.has(place) { count + 1 } else { count };
        self.0.change(more);
        ANYWHERE.change(more);
    }

    pub(super) fn remove(&self, followed: EventSet) {
        let less = |place, count| if followed.has(place) { count - 1 } else { count };
        self.0.change(less);
        ANYWHERE.change(less);
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let own = *lock(&self.0.counts);
        ANYWHERE.change(|place, count| count - own[place]);
    }
}

/// What is followed, and by how many.
#[derive(Debug, Default)]
struct Tally {
    mask: AtomicU32,
    counts: Mutex<Counts>,
}

impl Tally {
    /// Relaxed, because it publishes nothing: what it says to look at is behind locks of its own, and who knows that an
    /// `attach` returned knows a mask that is no older.
    #[inline]
    fn has(&self, followed: EventSet) -> bool {
        self.mask.load(Ordering::Relaxed) & followed.0 != 0
    }

    fn change(&self, count: impl Fn(usize, u32) -> u32) {
        let mut counts = lock(&self.counts);
        for (place, of) in counts.iter_mut().enumerate() {
            *of = count(place, *of);
        }
        // With the lock: else an older mask could come last.
        self.mask.store(mask(&counts), Ordering::Relaxed);
    }
}

fn mask(counts: &Counts) -> u32 {
    counts.iter().enumerate().fold(0, |mask, (place, count)| mask | (u32::from(*count > 0) << place))
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
