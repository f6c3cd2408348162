use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use super::interest::{self, EventSet};

thread_local! {
    /// The last panic of this thread: its message and its backtrace.
    static LAST: RefCell<Option<(String, Backtrace)>> = const { RefCell::new(None) };
}

/// Records a backtrace for each panic, which becomes the `stacktrace` of the event.
///
/// By default, a `stacktrace` contains a single location: that of the code that created the span. This function wraps the panic
/// hook of the process, which is still called. Call it once at startup, after setting any other panic hook. Each panic then
/// captures one backtrace, as long as any handler or listener is attached. A hook that is set later replaces this one.
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
            if interest::is_observed_anywhere(EventSet::ANY) {
                let entry =
                    (message(info.payload()).unwrap_or_default().to_owned(), Backtrace::force_capture());
                // Not accessible while the thread exits, in which case the backtrace is lost.
                let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some(entry)));
            }
            previous(info);
        }));
    });
}

/// Returns the message of a panic, if its payload is a string.
pub(super) fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    let literal = payload.downcast_ref::<&'static str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Returns the backtrace of this thread's last panic, if it had this message. Otherwise user code has caught that panic and
/// resumed another. The backtrace is not taken out, because the enclosing spans report the same panic.
pub(super) fn backtrace(message: Option<&str>) -> Option<String> {
    let matching = |last: &Option<(String, Backtrace)>| {
        let (of, backtrace) = last.as_ref()?;
        (of == message.unwrap_or_default()).then(|| backtrace.to_string())
    };
    LAST.try_with(|last| matching(&*last.try_borrow().ok()?)).ok()?
}
