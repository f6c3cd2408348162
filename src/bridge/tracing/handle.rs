use std::thread;

use tracing::Dispatch;
use tracing::span::Id;

use super::scoped_dispatch::ScopedDispatch;
use crate::registry::catch;

/// A span of a subscriber, kept open as long as this lives.
#[derive(Debug)]
pub(super) struct Handle {
    scoped_dispatch: ScopedDispatch,
    id: Id,
}

impl Handle {
    /// Takes over a span that was opened, or cloned, for it.
    pub(super) fn new(scoped_dispatch: ScopedDispatch, id: Id) -> Self {
        Self { scoped_dispatch, id }
    }

    pub(super) fn scoped_dispatch(&self) -> &ScopedDispatch {
        &self.scoped_dispatch
    }

    pub(super) fn id(&self) -> &Id {
        &self.id
    }

    /// Runs code inside the span. Whatever panics, the thread does not stay inside.
    #[inline]
    pub(super) fn enter(&self, dispatch: &Dispatch, code: impl FnOnce()) {
        let ran = catch(|| {
            dispatch.enter(&self.id);
            code();
        });
        let left = catch(|| dispatch.exit(&self.id));
        match (ran, left) {
            (Ok(()), Ok(())) => {}
            (Err(caught), Err(second)) => {
                second.swallow();
                caught.resume();
            }
            (Err(caught), Ok(())) | (Ok(()), Err(caught)) => caught.resume(),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let closed = catch(|| self.scoped_dispatch.run(|dispatch| dispatch.try_close(self.id.clone())));
        match closed {
            Ok(_) => {}
            // A second panic while the thread unwinds would abort the process.
            Err(caught) if thread::panicking() => caught.swallow(),
            Err(caught) => caught.resume(),
        }
    }
}
