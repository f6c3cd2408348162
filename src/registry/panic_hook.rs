use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use super::interest::{self, EventSet};

thread_local! {
    /// The last panic of this thread: its message, and where it happened.
    static LAST: RefCell<Option<(String, Backtrace)>> = const { RefCell::new(None) };
}

/// Makes the `stacktrace` of a panic show where it happened.
///
/// Without it, a `stacktrace` is the place where the panic was caught. This chains onto the process's panic hook, so
/// call it once at start-up, after any hook of your own; the hook that was there still runs. A panic then costs one
/// captured backtrace on the thread that panics, and only while somebody listens. A hook that is set later replaces
/// this one, and stack traces fall back to the place of the catch.
///
/// # Examples
///
/// ```
/// allm_telemetry::capture_panic_backtraces();
/// ```
pub fn capture_panic_backtraces() {
    static CHAINED: Once = Once::new();
    CHAINED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if interest::anywhere(EventSet::ANY) {
                let entry =
                    (message(info.payload()).unwrap_or_default().to_owned(), Backtrace::force_capture());
                // A thread on its way out has no place to keep it.
                let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some(entry)));
            }
            previous(info);
        }));
    });
}

/// The text of a panic's payload, if it is one.
pub(super) fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    let literal = payload.downcast_ref::<&'static str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// The backtrace of this thread's last panic, if that had this message: between a panic and its catch, user code may
/// have caught it and resumed another. It stays, for the spans further out that the panic passes as well.
pub(super) fn backtrace(message: Option<&str>) -> Option<String> {
    let look = |last: &Option<(String, Backtrace)>| {
        let (of, backtrace) = last.as_ref()?;
        (of == message.unwrap_or_default()).then(|| backtrace.to_string())
    };
    LAST.try_with(|last| look(&*last.try_borrow().ok()?)).ok()?
}
