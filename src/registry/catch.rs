use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

use super::panic_hook;

/// A panic that was caught.
pub(crate) struct Caught {
    payload: Box<dyn Any + Send>,
}

/// What foreign code gave, or its panic.
pub(crate) type Fenced<R> = Result<R, Caught>;

/// Runs foreign code; its panic comes back as a value.
///
/// Unwind safety is asserted: what `code` leaves half-done is either never touched again or the caller's own.
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Fenced<R> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| Caught { payload })
}

impl Caught {
    /// The message of the panic.
    pub(crate) fn message(&self) -> &str {
        panic_hook::message(&*self.payload).unwrap_or("a panic without a message (its payload is no text)")
    }

    /// Where it happened, if [`capture_panic_backtraces`](super::capture_panic_backtraces) saw it; else `caught_at`.
    pub(crate) fn stacktrace(&self, caught_at: &Location<'_>) -> String {
        panic_hook::backtrace(panic_hook::message(&*self.payload))
            .unwrap_or_else(|| format!("caught at {caught_at}"))
    }

    /// Lets the panic go on unchanged.
    pub(crate) fn resume(self) -> ! {
        resume_unwind(self.payload)
    }

    /// Ends the panic here. A payload whose drop panics gives another payload; one that goes on and on is leaked.
    pub(crate) fn swallow(self) {
        const ENOUGH: usize = 8;
        let mut left = Some(self);
        for _ in 0..ENOUGH {
            let Some(caught) = left.take() else { return };
            left = catch(|| drop(caught.payload)).err();
        }
        std::mem::forget(left);
    }
}
