use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::Dispatch;
use tracing::dispatcher::{get_default, with_default};
use tracing::subscriber::NoSubscriber;

/// The subscriber that a span belongs to.
///
/// Everything that concerns the span runs with it as the default subscriber: otherwise the subscriber of one task would be
/// lost on another, and a registry that closes a span could not find itself to close the parent.
#[derive(Clone, Debug)]
pub(super) struct ScopedDispatch {
    dispatch: Dispatch,
    /// It is the process's, and not one of a scope.
    is_global: bool,
}

/// The address at which `tracing` keeps the process's dispatch, once it is known.
static GLOBAL: AtomicUsize = AtomicUsize::new(0);

fn address(dispatch: &Dispatch) -> usize {
    std::ptr::from_ref(dispatch).addr()
}

/// Whether this reference, as `get_default` gave it, is to the process's dispatch. False is always a safe answer: it costs
/// a thread-local write around each poll.
fn is_global(dispatch: &Dispatch) -> bool {
    let here = address(dispatch);
    if here == GLOBAL.load(Ordering::Relaxed) {
        return true;
    }
    // `get_default` does not lend a scope's dispatch a second time while it is borrowed. If this nested call sees the same
    // one, it is the process's.
    let is_shared = get_default(address) == here && !dispatch.is::<NoSubscriber>();
    if is_shared {
        GLOBAL.store(here, Ordering::Relaxed);
    }
    is_shared
}

impl ScopedDispatch {
    /// Calls `look` with the current subscriber, if there is one.
    pub(super) fn with_current<R>(mut look: impl FnMut(&Dispatch, Self) -> R) -> Option<R> {
        get_default(|dispatch| {
            let is_global = is_global(dispatch);
            if !is_global && dispatch.is::<NoSubscriber>() {
                return None;
            }
            Some(look(dispatch, Self { dispatch: dispatch.clone(), is_global }))
        })
    }

    pub(super) fn current() -> Option<Self> {
        Self::with_current(|_, current| current)
    }

    /// Returns whether this is the process's subscriber, which was not chosen for a task or a scope.
    pub(super) fn is_global(&self) -> bool {
        self.is_global
    }

    /// Runs code with this subscriber as the default one.
    #[inline]
    pub(super) fn run<R>(&self, code: impl FnOnce(&Dispatch) -> R) -> R {
        // Where it is the default already, nothing is written to the thread-local.
        if self.is_global && get_default(is_global) {
            return code(&self.dispatch);
        }
        with_default(&self.dispatch, || code(&self.dispatch))
    }
}
