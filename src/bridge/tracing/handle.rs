use std::thread;

use tracing::Dispatch;
use tracing::span::Id;

use super::home::Home;
use crate::registry::fence;

/// A span of a subscriber, kept open as long as this lives.
#[derive(Debug)]
pub(super) struct Handle {
    home: Home,
    id: Id,
}

impl Handle {
    /// Takes over a span that was opened, or cloned, for it.
    pub(super) fn new(home: Home, id: Id) -> Self {
        Self { home, id }
    }

    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn id(&self) -> &Id {
        &self.id
    }

    /// Runs code inside the span. Whatever panics, the thread does not stay inside.
    #[inline]
    pub(super) fn enter(&self, dispatch: &Dispatch, code: impl FnOnce()) {
        let ran = fence(|| {
            dispatch.enter(&self.id);
            code();
        });
        let left = fence(|| dispatch.exit(&self.id));
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
        let closed = fence(|| self.home.run(|dispatch| dispatch.try_close(self.id.clone())));
        match closed {
            Ok(_) => {}
            // A second panic while the thread unwinds would abort the process.
            Err(caught) if thread::panicking() => caught.swallow(),
            Err(caught) => caught.resume(),
        }
    }
}
