//! Counts the observed spans of a handle that are open, so that a shutdown can wait for them.
//!
//! Spans start and end on all threads of a server, so one counter would be contended. Each thread has a slot of its own
//! instead, with two counters for each span name: how many spans started on this thread, and how many ended. Only its thread
//! writes to a slot, which takes a load and a store (2 ns, where an atomic addition takes 7). There is a limited number of
//! slots; threads that find none share the last one, and add atomically.
//!
//! A span may end on another thread than it started on. A reader therefore reads all ends before all starts: a span whose end
//! it has seen also has a start that it sees, so that it never counts too few open spans.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::event::SpanName;

const NAMES: usize = SpanName::ALL.len();

/// The numbers of spans that started and ended.
pub(super) struct OpenSpans {
    own: Box<[Slot]>,
    shared: Slot,
}

/// Two cache lines, so that no other thread writes to them. The counters wrap around; their difference does not.
#[derive(Default)]
#[repr(align(128))]
struct Slot {
    started: [AtomicU32; NAMES],
    ended: [AtomicU32; NAMES],
}

/// Returns the index of this thread's slot.
#[inline]
fn slot_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        // Without a destructor, because spans may end while the thread exits.
        static SLOT: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let slot = SLOT.get();
    if slot != usize::MAX {
        return slot;
    }
    // A slot is not reused after its thread has exited, because spans that started there may be open.
    let slot = NEXT.fetch_add(1, Ordering::Relaxed);
    SLOT.set(slot);
    slot
}

impl OpenSpans {
    /// Creates the counters, with slots for this many threads.
    pub(super) fn new(threads: usize) -> Self {
        Self { own: (0..threads).map(|_| Slot::default()).collect(), shared: Slot::default() }
    }

    #[inline]
    pub(super) fn start(&self, span: SpanName) {
        self.count(|slot| &slot.started[span as usize]);
    }

    /// Called after the end event was emitted.
    #[inline]
    pub(super) fn end(&self, span: SpanName) {
        self.count(|slot| &slot.ended[span as usize]);
    }

    #[inline]
    fn count(&self, counter: impl Fn(&Slot) -> &AtomicU32) {
        match self.own.get(slot_of_thread()) {
            Some(slot) => {
                let counter = counter(slot);
                // `Release`, so that what the span did is visible to a reader that sees its end.
                counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
            }
            None => drop(counter(&self.shared).fetch_add(1, Ordering::Release)),
        }
    }

    /// Returns how many spans of each name are open.
    pub(super) fn open(&self) -> impl Iterator<Item = (SpanName, u64)> {
        let sum = |counter: &dyn Fn(&Slot) -> &AtomicU32| {
            let slots = self.own.iter().chain([&self.shared]);
            slots.fold(0_u32, |sum, slot| sum.wrapping_add(counter(slot).load(Ordering::Acquire)))
        };
        SpanName::ALL.iter().filter_map(move |&span| {
            let ended = sum(&|slot| &slot.ended[span as usize]);
            let started = sum(&|slot| &slot.started[span as usize]);
            let open = started.wrapping_sub(ended);
            (open > 0).then_some((span, open.into()))
        })
    }
}
