use std::sync::{Arc, PoisonError};

use super::dispatch;
use super::error::AttachError;
use super::interest::Interest;
use super::sync::{AtomicBool, AtomicU64, DashMap, Mutex, Ordering, Place, process_wide};
use super::table::{Attached, Table};
use crate::event::TimeSource;

/// What a handle stands for: who is attached, and the clock.
pub(super) struct Registry {
    pub(super) id: u64,
    pub(super) interest: Interest,
    pub(super) attached: DashMap<Arc<str>, Attached>,
    /// Raised after each change of `attached`.
    version: AtomicU64,
    /// The last table that was built, and the version it shows.
    built: Mutex<Option<(u64, Arc<Table>)>>,
    pub(super) sequence: AtomicU64,
    pub(super) listeners: Mutex<usize>,
    /// Whether there ever was a handler, and a listener, for those who need not know which.
    pub(super) handled: AtomicBool,
    pub(super) listened: AtomicBool,
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
            built: Mutex::new(None),
            sequence: AtomicU64::new(0),
            listeners: Mutex::new(0),
            handled: AtomicBool::new(false),
            listened: AtomicBool::new(false),
            clock,
        }
    }

    pub(super) fn insert(&self, id: Arc<str>, new: Attached) -> Result<(), AttachError> {
        match self.attached.entry(id) {
            Place::Occupied(taken) => Err(AttachError::AlreadyExists { id: taken.key().clone() }),
            Place::Vacant(free) => {
                // Before the entry can be seen: whoever detaches it at once takes its interest back.
                self.interest.add(new.followed());
                free.insert(new);
                self.changed();
                Ok(())
            }
        }
    }

    pub(super) fn remove(&self, id: &str, when: impl Fn(&Attached) -> bool) -> bool {
        let Some((_, gone)) = self.attached.remove_if(id, |_, attached| when(attached)) else {
            return false;
        };
        self.interest.remove(gone.followed());
        match &gone {
            Attached::Handler(handler) => handler.detached(),
            Attached::Listener(listener) => {
                listener.follower().detached();
                *self.listeners.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            }
        }
        self.changed();
        dispatch::forget(self);
        // Foreign drop code runs last: it may attach, detach and emit as well.
        drop(gone);
        true
    }

    fn changed(&self) {
        // The table is made by the next emission; attaching ten thousand handlers makes one table, not ten thousand.
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The table of the newest version. The version is read before the entries, so a change that comes between makes
    /// the table old and never wrong.
    pub(super) fn table(&self) -> (u64, Arc<Table>) {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.version();
        match &*built {
            Some((shown, table)) if *shown == version => (version, table.clone()),
            _ => {
                let table = Arc::new(Table::build(self.attached.iter().map(|one| one.value().clone())));
                let old = built.replace((version, table.clone()));
                // Dropping handlers is foreign code; never with a lock held.
                drop(built);
                drop(old);
                (version, table)
            }
        }
    }

    /// Lets go of the last table, so that what was detached is dropped now and not with the next emission.
    pub(super) fn forget_table(&self) {
        let old = self.built.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(old);
    }
}
