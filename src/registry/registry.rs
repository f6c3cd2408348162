//! The registry behind a handle: what is attached, by id.
//!
//! Each change of the concurrent map raises a version, and nothing else: [`table`](Registry::table) builds the table that
//! emissions read when it is next asked for, and keeps it until the version has changed.

use std::sync::{Arc, PoisonError};

use super::error::AttachError;
use super::interest::Interest;
use super::listener::MAX_LISTENERS;
use super::sync::{AtomicU32, AtomicU64, DashMap, Mutex, Ordering, Place, process_wide};
use super::table::{Attached, Table};
use crate::event::TimeSource;

/// What the clones of a handle share: what is attached, and the clock.
pub(super) struct Registry {
    pub(super) id: u64,
    pub(super) interest: Interest,
    pub(super) attached: DashMap<Arc<str>, Attached>,
    /// Raised after each change of `attached`.
    version: AtomicU64,
    /// The table that was built last.
    newest: Mutex<Option<Arc<Table>>>,
    sequence: AtomicU64,
    /// How many listeners are attached or about to be.
    listeners: AtomicU32,
    pub(super) clock: TimeSource,
}

impl Registry {
    pub(super) fn new(clock: TimeSource) -> Self {
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
        }
    }

    /// A number that distinguishes a handler or listener from others with the same id. It is also the order of attaching.
    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn has_listeners(&self) -> bool {
        self.listeners.load(Ordering::Acquire) > 0
    }

    /// Counts a listener before it is inserted, so that there are never too many.
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
                // Before the entry is visible: whoever detaches it at once removes its interest too.
                self.interest.add(new.followed());
                free.insert(new);
                self.raise_version();
                Ok(())
            }
        }
    }

    /// Removes what is attached under an id, if `is_it` accepts it. The caller drops it: that runs user code.
    pub(super) fn remove(&self, id: &str, is_it: impl Fn(&Attached) -> bool) -> Option<Attached> {
        let (_, removed) = self.attached.remove_if(id, |_, attached| is_it(attached))?;
        self.interest.remove(removed.followed());
        match &removed {
            Attached::Handler(handler) => handler.detach(),
            Attached::Listener(listener) => {
                listener.detach();
                self.release_listener();
            }
        }
        self.raise_version();
        // It shows what was removed. Without the lock, because dropping it runs user code.
        let old = self.newest.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(old);
        Some(removed)
    }

    /// The table is built by the next emission, so that attaching ten thousand handlers builds one and not ten thousand.
    fn raise_version(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Whether a table is of this registry and shows all that is attached now.
    #[inline]
    pub(super) fn is_newest(&self, table: &Table) -> bool {
        table.registry == self.id && table.version == self.version.load(Ordering::Acquire)
    }

    /// The newest table.
    pub(super) fn table(&self) -> Arc<Table> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = newest.as_ref().filter(|table| self.is_newest(table)) {
            return table.clone();
        }
        // The version is read before the entries: after a change between the two, the table counts as old, although it
        // may show that change.
        let version = self.version.load(Ordering::Acquire);
        let attached = self.attached.iter().map(|one| one.value().clone());
        let table = Arc::new(Table::build(self.id, version, attached));
        let old = newest.replace(table.clone());
        // Without the lock, because dropping a table runs user code.
        drop(newest);
        drop(old);
        table
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.interest.remove_all();
    }
}
