//! Interest: a fast check whether any handler or listener is attached to an event.
//!
//! An [`EventSet`] is a bit mask with one bit for each span name and one each for retries, for failures and for all names that
//! are not in the catalogue. Every handle has a mask of the events that its handlers and listeners are attached to, and the
//! process has a mask of all handles. One load of the latter finds out that a span is not observed, before it is created.
//!
//! Each bit has a count of the handlers and listeners that set it, so that it can be cleared with the last of them.

use std::sync::PoisonError;

use super::sync::{AtomicU32, Mutex, MutexGuard, Ordering, process_wide};
use crate::event::{EventName, KnownEvent, SpanName};

/// A set of events, as a bit mask.
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

    fn has(self, bit: usize) -> bool {
        self.0 & (1 << bit) != 0
    }
}

type Counts = [u32; EventSet::COUNT];

process_wide! {
    static ANYWHERE: Interest = Interest { mask: AtomicU32::new(0), counts: Mutex::new([0; EventSet::COUNT]) };
}

/// Returns whether any of these events has a handler or listener on any handle. One load.
#[inline]
pub(crate) fn is_observed_anywhere(followed: EventSet) -> bool {
    ANYWHERE.has(followed)
}

/// The events with a handler or listener on one handle, or on all: a mask, and a count for each of its bits.
#[derive(Debug, Default)]
pub(super) struct Interest {
    mask: AtomicU32,
    counts: Mutex<Counts>,
}

impl Interest {
    /// `Relaxed`, because the mask publishes nothing: handlers are read behind a version and a lock. A thread that observed the
    /// return of `attach` reads at least that mask.
    #[inline]
    pub(super) fn has(&self, followed: EventSet) -> bool {
        self.mask.load(Ordering::Relaxed) & followed.0 != 0
    }

    pub(super) fn add(&self, followed: EventSet) {
        let more = |bit, count| count + u32::from(followed.has(bit));
        self.change(more);
        ANYWHERE.change(more);
    }

    pub(super) fn remove(&self, followed: EventSet) {
        let less = |bit, count| count - u32::from(followed.has(bit));
        self.change(less);
        ANYWHERE.change(less);
    }

    /// Subtracts the counts of a handle that is dropped from the process-wide ones. Not in `Drop`, because the process-wide
    /// interest has this type too.
    pub(super) fn remove_all(&self) {
        let own = *lock(&self.counts);
        ANYWHERE.change(|bit, count| count - own[bit]);
    }

    fn change(&self, count: impl Fn(usize, u32) -> u32) {
        let mut counts = lock(&self.counts);
        for (bit, current) in counts.iter_mut().enumerate() {
            *current = count(bit, *current);
        }
        // Inside the lock: otherwise two changes could store their masks in the wrong order.
        self.mask.store(mask(&counts), Ordering::Relaxed);
    }
}

fn mask(counts: &Counts) -> u32 {
    counts.iter().enumerate().fold(0, |mask, (bit, count)| mask | (u32::from(*count > 0) << bit))
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
