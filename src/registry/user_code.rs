//! User code: how the crate calls what it does not control.
//!
//! Handlers, listeners, observers, content closures and redactors run inside [`call`] or [`quietly`], and what they hold is
//! dropped inside one of them too. Five rules hold for every such call:
//!
//! 1. Snapshot. The caller first takes what it needs (a table of handlers, an `Arc` of a listener). No lock and no
//!    `RefCell` borrow is held during the call, so user code may attach, detach, emit and open spans.
//! 2. Call and catch. A panic does not leave `call`.
//! 3. Detach, then report. `call` hands the panic to its second argument. The one that `dispatch` passes detaches the
//!    handler *before* it emits `telemetry.handler.failure`: a handler of that event that panics is not called for its own
//!    failure again.
//! 4. The payload of the panic is dropped last, in a catch of its own, because its `Drop` is user code as well.
//! 5. Calls nest at most [`MAX_DEPTH`] deep. A handler may emit the event that it is attached to, and a listener may open a
//!    span that it follows; without a limit, the stack would overflow and abort the process. A call that would be deeper is
//!    not made, and the one that attempted it, the innermost that runs, is treated as if it had panicked.
//!
//! What a span wraps (a future, a stream, a closure) is user code too, but its panic has to reach whoever polls it.
//! [`catch`] returns it as a value, so that the span can end first, and [`Caught::resume`] continues it. Such a poll does
//! not count as nested, even if a listener is around it: see [`outside`].

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::panic_hook;
use super::sync::thread_local;

/// How deep calls of user code may nest on one thread.
const MAX_DEPTH: u8 = 64;

thread_local! {
    static NESTING: Cell<Nesting> = const { Cell::new(Nesting::OUTERMOST) };
}

/// Where this thread is among nested calls of user code.
#[derive(Clone, Copy)]
pub(super) struct Nesting {
    depth: u8,
    /// The innermost call attempted one that would have been too deep.
    refused: bool,
}

impl Nesting {
    const OUTERMOST: Self = Self { depth: 0, refused: false };

    // It needs no drop, so std's thread-local can be read in the destructors of a thread. Loom's cannot.
    #[inline]
    fn get() -> Self {
        NESTING.try_with(Cell::get).unwrap_or(Self::OUTERMOST)
    }

    #[inline]
    fn set(self) {
        let _ = NESTING.try_with(|nesting| nesting.set(self));
    }
}

/// Calls user code. Returns `None` if it fails: if it panics, or if it attempts a call that nests too deep. `failed` gets
/// the failure. A call that would itself be too deep is not made, and returns `None` too.
#[inline]
pub(super) fn call<R>(code: impl FnOnce() -> R, failed: impl FnOnce(&Caught)) -> Option<R> {
    if is_too_deep() {
        return None;
    }
    let caught = match nested(code) {
        (Ok(value), false) => return Some(value),
        // It returned, but what it called was refused. Its value is the user's: the drop of that may panic too.
        (Ok(value), true) => {
            quietly(|| drop(value));
            Caught::too_deep()
        }
        (Err(caught), _) => caught,
    };
    // This call has been left, so a report is no deeper than what it reports, and is not refused itself.
    failed(&caught);
    caught.swallow();
    None
}

/// Calls user code whose panic is not reported. `None` if it panicked.
///
/// It is called at any depth, because a drop cannot be refused.
pub(crate) fn quietly<R>(code: impl FnOnce() -> R) -> Option<R> {
    nested(code).0.map_err(Caught::swallow).ok()
}

/// Drops a value of the user's. A panic is not reported, but attempted calls that nest too deep are.
pub(super) fn drop_value<T>(value: T, failed: impl FnOnce(&Caught)) {
    let (dropped, refused) = nested(|| drop(value));
    // States that open spans when they are dropped can nest without any call between them: no other call could be blamed.
    if refused {
        failed(&Caught::too_deep());
    }
    dropped.unwrap_or_else(Caught::swallow);
}

/// Whether calls nest as deep as they may. If so, the innermost one is marked: it attempted another.
#[inline]
pub(super) fn is_too_deep() -> bool {
    let here = Nesting::get();
    let is_too_deep = here.depth == MAX_DEPTH;
    if is_too_deep {
        Nesting { refused: true, ..here }.set();
    }
    is_too_deep
}

/// Calls user code one level deeper. The second result says whether it attempted a call that was refused.
#[inline]
fn nested<R>(code: impl FnOnce() -> R) -> (Result<R, Caught>, bool) {
    let outer = Nesting::get();
    // Each call has a mark of its own, so that only the innermost is blamed.
    Nesting { depth: (outer.depth + 1).min(MAX_DEPTH), refused: false }.set();
    let result = catch(code);
    let refused = Nesting::get().refused;
    outer.set();
    (result, refused)
}

/// Where this thread is now, for [`outside`].
#[inline]
pub(super) fn nesting() -> Nesting {
    Nesting::get()
}

/// Runs the poll that a listener is around, as deep as it was outside of the listener. It must not panic.
#[inline]
pub(super) fn outside<R>(outer: Nesting, poll: impl FnOnce() -> R) -> R {
    let inner = Nesting::get();
    outer.set();
    let polled = poll();
    inner.set();
    polled
}

/// A panic that was caught.
pub(crate) struct Caught {
    payload: Box<dyn Any + Send>,
}

/// Runs code of the user's, and returns its panic as a value.
///
/// Unwind safety is asserted: what `code` leaves half-done is never used again, or it belongs to the caller, who sees the
/// panic.
#[inline]
#[expect(clippy::disallowed_methods, reason = "the one place that catches panics")]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, Caught> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| Caught { payload })
}

impl Caught {
    #[cold]
    fn too_deep() -> Self {
        Self {
            payload: Box::new(
                "handlers, listeners and observers that call each other nest more than 64 deep",
            ),
        }
    }

    /// The message of the panic.
    pub(crate) fn message(&self) -> &str {
        panic_hook::message(&*self.payload).unwrap_or("a panic without a message (its payload is no text)")
    }

    /// Returns the backtrace of the panic, if [`capture_panic_backtraces`](super::capture_panic_backtraces) is enabled and saw
    /// it, otherwise the location that `location` returns.
    pub(crate) fn stacktrace(&self, location: impl FnOnce() -> String) -> String {
        panic_hook::backtrace(panic_hook::message(&*self.payload)).unwrap_or_else(location)
    }

    /// Continues the panic unchanged.
    pub(crate) fn resume(self) -> ! {
        resume_unwind(self.payload)
    }

    /// Ends the panic here. If the drop of its payload panics, that payload is dropped next; after eight the last is leaked.
    pub(crate) fn swallow(self) {
        const MAX_PAYLOADS: usize = 8;
        let mut left = Some(self);
        for _ in 0..MAX_PAYLOADS {
            let Some(caught) = left.take() else { return };
            left = catch(|| drop(caught.payload)).err();
        }
        // This one may go on without end, so it is not dropped at all.
        std::mem::forget(left);
    }
}

/// A value of the user's, whose drop may panic.
///
/// Handlers are dropped wherever the last table that shows them is: inside another handler, in `emit`, in the destructors
/// of a thread. A panic would surface in a call that has nothing to do with it, or abort the process.
pub(super) struct PanicSafe<T>(Option<T>);

impl<T> PanicSafe<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    #[inline]
    pub(super) fn get(&self) -> &T {
        self.0.as_ref().expect("only `drop` takes the value")
    }
}

impl<T> Drop for PanicSafe<T> {
    fn drop(&mut self) {
        quietly(|| drop(self.0.take()));
    }
}
