use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::{EventIndex, EventName, SpanName};

/// What is followed: a bit a span, one each for retries and failures, one for all names outside the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Followed(u32);

impl Followed {
    const COUNT: usize = SpanName::ALL.len() + 3;
    pub(crate) const RETRY: Self = Self(1 << SpanName::ALL.len());
    pub(crate) const FAILURE: Self = Self(1 << (SpanName::ALL.len() + 1));
    pub(crate) const CUSTOM: Self = Self(1 << (SpanName::ALL.len() + 2));

    pub(crate) const ANY: Self = Self(u32::MAX);

    pub(crate) const fn span(name: SpanName) -> Self {
        Self(1 << name as u32)
    }

    pub(crate) fn event(name: &EventName) -> Self {
        match name.index() {
            None => Self::CUSTOM,
            Some(index) => match index.span() {
                Some((span, _)) => Self::span(span),
                None if index == EventIndex::RETRY => Self::RETRY,
                None => Self::FAILURE,
            },
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

type Counts = [u32; Followed::COUNT];

/// What is followed on any handle: the one load that decides whether a span is worth building.
static ANYWHERE: AtomicU32 = AtomicU32::new(0);
static TOTAL: Mutex<Counts> = Mutex::new([0; Followed::COUNT]);

/// Whether any of these is followed on any handle.
#[inline]
pub(crate) fn anywhere(followed: Followed) -> bool {
    ANYWHERE.load(Ordering::Relaxed) & followed.0 != 0
}

/// What is followed on one handle, and by how many.
#[derive(Debug)]
pub(super) struct Interest {
    mask: AtomicU32,
    counts: Mutex<Counts>,
}

impl Interest {
    pub(super) const fn new() -> Self {
        Self { mask: AtomicU32::new(0), counts: Mutex::new([0; Followed::COUNT]) }
    }

    #[inline]
    pub(super) fn has(&self, followed: Followed) -> bool {
        self.mask.load(Ordering::Relaxed) & followed.0 != 0
    }

    pub(super) fn add(&self, followed: Followed) {
        self.change(|place, count| if followed.has(place) { count + 1 } else { count });
    }

    pub(super) fn remove(&self, followed: Followed) {
        self.change(|place, count| if followed.has(place) { count - 1 } else { count });
    }

    fn change(&self, count: impl Fn(usize, u32) -> u32) {
        let mut total = lock(&TOTAL);
        let mut counts = lock(&self.counts);
        for place in 0..Followed::COUNT {
            let now = count(place, counts[place]);
            total[place] = total[place] - counts[place] + now;
            counts[place] = now;
        }
        self.mask.store(mask(&counts), Ordering::Relaxed);
        ANYWHERE.store(mask(&total), Ordering::Relaxed);
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.change(|_, _| 0);
    }
}

fn mask(counts: &Counts) -> u32 {
    counts.iter().enumerate().fold(0, |mask, (place, count)| mask | (u32::from(*count > 0) << place))
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
