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

/// Makes the `stacktrace` of a panic say where it happened.
///
/// Without it, a `stacktrace` is the location at which the panic was caught. This function wraps the process's panic hook,
/// which is still called, so call it once at startup, after you have set a hook of your own. Each panic then captures one
/// backtrace, as long as any handler or listener is attached. A hook that is set later replaces this one, and stack traces
/// are the location of the catch again.
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
                // In the destructors of a thread there is no thread-local any more, and the backtrace is lost.
                let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some(entry)));
            }
            previous(info);
        }));
    });
}

/// Returns the text of a panic's payload, if it is a text.
pub(super) fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    let literal = payload.downcast_ref::<&'static str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Returns the backtrace of this thread's last panic, if that had this message: between a panic and its catch, user code
/// may have caught it and resumed another. It is kept, for the outer spans through which the panic unwinds.
pub(super) fn backtrace(message: Option<&str>) -> Option<String> {
    let look = |last: &Option<(String, Backtrace)>| {
        let (of, backtrace) = last.as_ref()?;
        (of == message.unwrap_or_default()).then(|| backtrace.to_string())
    };
    LAST.try_with(|last| look(&*last.try_borrow().ok()?)).ok()?
}
