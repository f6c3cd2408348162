use std::thread;

use tracing::Dispatch;
use tracing::span::Id;

use super::scoped_dispatch::ScopedDispatch;
use crate::registry::catch;

/// A reference to a span of a subscriber, which keeps it open until it is dropped.
#[derive(Debug)]
pub(super) struct SubscriberSpan {
    scope: ScopedDispatch,
    id: Id,
}

impl SubscriberSpan {
    /// Takes over an id that was opened, or cloned, for it.
    pub(super) fn new(scope: ScopedDispatch, id: Id) -> Self {
        Self { scope, id }
    }

    pub(super) fn scope(&self) -> &ScopedDispatch {
        &self.scope
    }

    pub(super) fn id(&self) -> &Id {
        &self.id
    }

    /// Runs code inside the span. Whatever panics, the thread leaves the span.
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

impl Drop for SubscriberSpan {
    fn drop(&mut self) {
        let closed = catch(|| self.scope.run(|dispatch| dispatch.try_close(self.id.clone())));
        match closed {
            Ok(_) => {}
            // A second panic during unwinding would abort the process.
            Err(caught) if thread::panicking() => caught.swallow(),
            Err(caught) => caught.resume(),
        }
    }
}
