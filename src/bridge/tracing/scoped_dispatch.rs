use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::Dispatch;
use tracing::dispatcher::{get_default, with_default};
use tracing::subscriber::NoSubscriber;

/// The subscriber that a span belongs to. All that concerns the span runs with it as the default one, so that a
/// subscriber of one task is not lost on another, and a registry finds itself when it closes parents.
#[derive(Clone, Debug)]
pub(super) struct ScopedDispatch {
    dispatch: Dispatch,
    /// It is the process's, and not one of a scope.
    is_global: bool,
}

/// Where `tracing` keeps the process's dispatch, once we have seen it.
static GLOBAL: AtomicUsize = AtomicUsize::new(0);

fn address(dispatch: &Dispatch) -> usize {
    std::ptr::from_ref(dispatch).addr()
}

/// Whether this reference, as `get_default` gave it, is to the process's dispatch. No is always safe to say: it costs
/// a thread-local write around each poll.
///
/// A dispatch of a scope is lent once at a time, so what is lent again meanwhile is not one.
fn is_global(dispatch: &Dispatch) -> bool {
    let here = address(dispatch);
    if here == GLOBAL.load(Ordering::Relaxed) {
        return true;
    }
    let is_shared = get_default(address) == here && !dispatch.is::<NoSubscriber>();
    if is_shared {
        GLOBAL.store(here, Ordering::Relaxed);
    }
    is_shared
}

impl ScopedDispatch {
    /// Looks at the subscriber of the calling code, if there is one.
    pub(super) fn look<R>(mut look: impl FnMut(&Dispatch, Self) -> R) -> Option<R> {
        get_default(|dispatch| {
            let is_global = is_global(dispatch);
            if !is_global && dispatch.is::<NoSubscriber>() {
                return None;
            }
            Some(look(dispatch, Self { dispatch: dispatch.clone(), is_global }))
        })
    }

    /// The subscriber of the calling code.
    pub(super) fn here() -> Option<Self> {
        Self::look(|_, scoped_dispatch| scoped_dispatch)
    }

    /// Whether nobody chose this subscriber for a task or a scope.
    pub(super) fn is_global(&self) -> bool {
        self.is_global
    }

    /// Runs code with this subscriber as the default one.
    #[inline]
    pub(super) fn run<R>(&self, code: impl FnOnce(&Dispatch) -> R) -> R {
        if self.is_global && get_default(is_global) {
            return code(&self.dispatch);
        }
        with_default(&self.dispatch, || code(&self.dispatch))
    }
}
