//! User code: how the crate calls handlers, listeners and closures.
//!
//! Handlers, listeners, observers, content closures and redactors run inside [`call`] or [`quietly`], and their captured values
//! are dropped inside one of the functions here as well. [`call`] follows all of these rules; [`quietly`] and [`drop_value`]
//! run even at the limit of nested calls, and `quietly` reports nothing:
//!
//! 1. Snapshot. The caller first takes what it needs (a table of handlers, an `Arc` of a listener). No lock and no
//!    `RefCell` borrow is held during the call, so user code may attach, detach, emit and open spans.
//! 2. Call and catch. A panic does not propagate out of `call`.
//! 3. Detach, then report. `call` passes the panic to `failed`. The implementation in `dispatch` detaches the handler
//!    *before* it emits `telemetry.handler.failure`, so that a handler of that event is not called for its own failure.
//! 4. The payload of the panic is dropped last, inside a separate `catch_unwind`, because its `Drop` is user code as well.
//! 5. At most [`MAX_NESTED_CALLS`] calls are nested. A handler may emit the event that it is attached to, and a listener may open a
//!    span that it follows; without a limit, the stack would overflow and abort the process. A call that would
//!    exceed the limit is skipped, and its caller, the innermost running call, is treated as if it had panicked.
//!
//! The value inside a span (a future, a stream, a closure) is user code too, but its panic must propagate to its caller.
//! [`catch`] returns the panic as a value, so that the span can end first, and [`Caught::resume`] continues it. Polls do not add
//! to the nesting depth, even inside `Listener::around`: see [`with_outer_nesting`].

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::panic_hook;
use super::sync::thread_local;

/// The limit of nested calls of user code on one thread.
const MAX_NESTED_CALLS: u8 = 64;

thread_local! {
    // Without a destructor, so that it stays accessible while the thread exits.
    static NESTING: Cell<Nesting> = const { Cell::new(Nesting::OUTERMOST) };
}

/// The nesting of user code calls on this thread: the depth, and whether the innermost running call attempted a call that
/// exceeded the limit.
// Packed into a byte: two fields would be stored apart and loaded together, and such a load waits for both stores. A span with
// a listener around 20 polls took 950 instead of 1,028 ns.
#[derive(Clone, Copy)]
pub(super) struct Nesting(u8);

impl Nesting {
    const OUTERMOST: Self = Self(0);
    /// The highest bit. The others are the depth, which is at most [`MAX_NESTED_CALLS`].
    const REFUSED: u8 = 1 << 7;

    #[inline]
    fn depth(self) -> u8 {
        self.0 & !Self::REFUSED
    }

    #[inline]
    fn is_refused(self) -> bool {
        self.0 & Self::REFUSED != 0
    }

    // `try_with` because of loom, whose thread-locals are not accessible while a thread exits.
    #[inline]
    fn get() -> Self {
        NESTING.try_with(Cell::get).unwrap_or(Self::OUTERMOST)
    }

    #[inline]
    fn set(self) {
        let _ = NESTING.try_with(|nesting| nesting.set(self));
    }
}

/// Calls user code. Returns `None` if the call was skipped because of the limit, panicked, or attempted a call that was
/// skipped. In the last two cases `failed` is called.
#[inline]
pub(super) fn call<R>(code: impl FnOnce() -> R, failed: impl FnOnce(&Caught)) -> Option<R> {
    if refuse_if_too_deep() {
        return None;
    }
    let caught = match nested(code) {
        (Ok(value), false) => return Some(value),
        // The call returned, but attempted a call that was skipped. Its value is discarded; dropping it may panic as well.
        (Ok(value), true) => {
            quietly(|| drop(value));
            Caught::too_deep()
        }
        (Err(caught), _) => caught,
    };
    // `failed` runs after the nesting is restored, so that the report itself does not exceed the limit.
    failed(&caught);
    caught.swallow();
    None
}

/// Calls user code and discards its panic. Returns `None` if it panicked.
///
/// It ignores the limit, because a drop cannot be skipped.
pub(crate) fn quietly<R>(code: impl FnOnce() -> R) -> Option<R> {
    nested(code).0.map_err(Caught::swallow).ok()
}

/// Drops a user value. A panic is discarded. An attempt to exceed the limit is reported.
pub(super) fn drop_value<T>(value: T, failed: impl FnOnce(&Caught)) {
    let (dropped, refused) = nested(|| drop(value));
    // A listener state whose `Drop` opens spans can recurse through drops alone, without a `call` that would report it.
    if refused {
        failed(&Caught::too_deep());
    }
    if let Err(caught) = dropped {
        caught.swallow();
    }
}

/// Returns whether the limit is reached. If so, marks the innermost running call as having exceeded it.
#[inline]
pub(super) fn refuse_if_too_deep() -> bool {
    let here = Nesting::get();
    let is_too_deep = here.depth() == MAX_NESTED_CALLS;
    if is_too_deep {
        Nesting(here.0 | Nesting::REFUSED).set();
    }
    is_too_deep
}

/// Calls user code one level deeper. The second result is whether it attempted a call that was skipped.
#[inline]
fn nested<R>(code: impl FnOnce() -> R) -> (Result<R, Caught>, bool) {
    let outer = Nesting::get();
    // Each call has its own flag, so that only the innermost call is reported. The depth is limited, because `quietly` and
    // `drop_value` also run at the limit.
    Nesting((outer.depth() + 1).min(MAX_NESTED_CALLS)).set();
    // `catch` does not unwind, so the nesting is always restored.
    let result = catch(code);
    let refused = Nesting::get().is_refused();
    outer.set();
    (result, refused)
}

/// Returns the current nesting, for [`with_outer_nesting`].
#[inline]
pub(super) fn nesting() -> Nesting {
    Nesting::get()
}

/// Runs the poll inside a listener's `around` with the nesting from before the listener was called. `poll` must not panic,
/// because the nesting would not be restored.
#[inline]
pub(super) fn with_outer_nesting<R>(outer: Nesting, poll: impl FnOnce() -> R) -> R {
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

/// Runs user code and returns its panic, if any, as a value.
///
/// Unwind safety is asserted: state that `code` left inconsistent is either never used again, or belongs to the caller, to whom
/// the panic is propagated.
#[inline]
#[expect(clippy::disallowed_methods, reason = "the one place that catches panics")]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, Caught> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| Caught { payload })
}

impl Caught {
    #[cold]
    fn too_deep() -> Self {
        let message =
            format!("more than {MAX_NESTED_CALLS} calls of handlers, listeners and observers were nested");
        Self { payload: Box::new(message) }
    }

    /// The message of the panic.
    pub(crate) fn message(&self) -> &str {
        panic_hook::message(&*self.payload).unwrap_or("the panic payload is not a string")
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

    /// Discards the panic. Dropping the payload may itself panic with a new payload; after eight of these, the last payload is
    /// leaked.
    pub(crate) fn swallow(self) {
        const MAX_PAYLOADS: usize = 8;
        let mut left = Some(self);
        for _ in 0..MAX_PAYLOADS {
            let Some(caught) = left.take() else { return };
            left = catch(|| drop(caught.payload)).err();
        }
        // The chain may be endless, so this payload is leaked.
        std::mem::forget(left);
    }
}

/// A user value. A panic in its drop is discarded.
///
/// The last `Arc` of a handler can be dropped anywhere: inside another handler, in `emit`, or in a thread-local destructor. A
/// panic there would propagate into unrelated code or abort the process.
// An `Option`, so that `drop` can move the value out.
pub(super) struct PanicSafe<T>(Option<T>);

impl<T> PanicSafe<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    #[inline]
    pub(super) fn get(&self) -> &T {
        self.0.as_ref().expect("the value is taken only in `drop`")
    }
}

impl<T> Drop for PanicSafe<T> {
    fn drop(&mut self) {
        quietly(|| drop(self.0.take()));
    }
}
