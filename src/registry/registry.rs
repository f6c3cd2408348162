//! The registry behind a handle: the attached handlers and listeners by id.
//!
//! Each change of the concurrent map increments a version and builds nothing. [`table`](Registry::table) builds the table that
//! emissions read when it is next called, and keeps it until the version has changed.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, Weak};

use super::error::AttachError;
use super::flush::{Exporters, Flush};
use super::interest::Interest;
use super::listener::MAX_LISTENERS;
use super::open_spans::OpenSpans;
use super::sync::{AtomicU32, AtomicU64, DashMap, Mutex, Ordering, Place, process_wide};
use super::table::{Attached, Table};
use crate::event::TimeSource;

/// The state that the clones of a handle share: the attached handlers and listeners, and the clock.
pub(super) struct Registry {
    pub(super) id: u64,
    pub(super) interest: Interest,
    pub(super) attached: DashMap<Arc<str>, Attached>,
    /// Incremented after each change of `attached`.
    version: AtomicU64,
    /// The table that was built last. May be outdated.
    newest: Mutex<Option<Arc<Table>>>,
    sequence: AtomicU64,
    /// The number of listeners that are attached or about to be.
    listeners: AtomicU32,
    pub(super) clock: TimeSource,
    pub(super) open_spans: OpenSpans,
    exporters: Mutex<Exporters>,
    /// Set by a shutdown: events are written before the task that emits them continues.
    pub(super) writes_through: AtomicBool,
}

impl Registry {
    /// Creates a registry for programs in which this many threads run spans. More may.
    pub(super) fn new(clock: TimeSource, threads: usize) -> Self {
        process_wide! {
            static NEXT: AtomicU64 = AtomicU64::new(1);
        }
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            interest: Interest::default(),
            attached: DashMap::new(),
            version: AtomicU64::new(0),
            newest: Mutex::new(None),
            sequence: AtomicU64::new(0),
            listeners: AtomicU32::new(0),
            clock,
            open_spans: OpenSpans::new(threads),
            exporters: Mutex::new(Exporters::new()),
            writes_through: AtomicBool::new(false),
        }
    }

    /// Returns a number that distinguishes an attachment from others under the same id. It is also the order of attachment.
    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn has_listeners(&self) -> bool {
        self.listeners.load(Ordering::Acquire) > 0
    }

    /// Counts a listener before it is inserted, so that the limit holds even if several are attached concurrently.
    pub(super) fn reserve_listener(&self) -> Result<(), AttachError> {
        let one_more = |count| (count < MAX_LISTENERS as u32).then_some(count + 1);
        let reserved = self.listeners.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        reserved.map(drop).map_err(|_| AttachError::TooManyListeners)
    }

    pub(super) fn release_listener(&self) {
        self.listeners.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) fn insert(&self, id: Arc<str>, new: Attached) -> Result<(), AttachError> {
        match self.attached.entry(id) {
            Place::Occupied(taken) => Err(AttachError::AlreadyExists { id: taken.key().clone() }),
            Place::Vacant(free) => {
                // Before the entry is visible, because a concurrent detach removes the interest of the entry.
                self.interest.add(new.followed());
                free.insert(new);
                self.increment_version();
                Ok(())
            }
        }
    }

    /// Removes the handler or listener with this id, if `matches` accepts it. The caller drops it, which runs user code.
    pub(super) fn remove(&self, id: &str, matches: impl Fn(&Attached) -> bool) -> Option<Attached> {
        let (_, removed) = self.attached.remove_if(id, |_, attached| matches(attached))?;
        self.interest.remove(removed.followed());
        match &removed {
            Attached::Handler(handler) => handler.detach(),
            Attached::Listener(listener) => {
                listener.detach();
                self.release_listener();
            }
        }
        self.increment_version();
        // The last table references the removed entry. It is dropped after the lock is released, because that runs user code.
        let outdated = self.newest.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(outdated);
        Some(removed)
    }

    /// Marks all tables as outdated. The next emission builds one, so that attaching ten thousand handlers builds a single table.
    fn increment_version(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Returns whether a table is of this registry and of its current version.
    #[inline]
    pub(super) fn is_newest(&self, table: &Table) -> bool {
        table.registry == self.id && table.version == self.version.load(Ordering::Acquire)
    }

    /// Returns the table of the current version.
    pub(super) fn table(&self) -> Arc<Table> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = newest.as_ref().filter(|table| self.is_newest(table)) {
            return table.clone();
        }
        // The version is read before the entries: if they change in between, the table is treated as outdated, although it may
        // contain that change.
        let version = self.version.load(Ordering::Acquire);
        let attached = self.attached.iter().map(|one| one.value().clone());
        let table = Arc::new(Table::build(self.id, version, attached));
        let outdated = newest.replace(table.clone());
        // After the lock is released, because dropping a table runs user code.
        drop(newest);
        drop(outdated);
        table
    }
}

/// Exporters with a queue.
impl Registry {
    pub(super) fn add_exporter(&self, id: Arc<str>, exporter: Weak<dyn Flush>) {
        let mut exporters = self.exporters.lock().unwrap_or_else(PoisonError::into_inner);
        exporters.retain(|(_, exporter)| exporter.strong_count() > 0);
        exporters.push((id, exporter));
    }

    pub(super) fn exporters(&self) -> Vec<(Arc<str>, Arc<dyn Flush>)> {
        let exporters = self.exporters.lock().unwrap_or_else(PoisonError::into_inner);
        exporters.iter().filter_map(|(id, exporter)| Some((id.clone(), exporter.upgrade()?))).collect()
    }

    /// Waits until the exporters have written what was emitted.
    #[cold]
    pub(super) fn write_through(&self) {
        for (_, exporter) in self.exporters() {
            exporter.write_through();
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.interest.remove_all();
    }
}
