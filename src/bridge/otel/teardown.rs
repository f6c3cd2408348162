use opentelemetry::Context;

/// Dropped before OpenTelemetry's own thread-local.
struct Alive;

// The empty `drop` makes the thread-local one with a destructor, so that `try_with` fails once it has run.
impl Drop for Alive {
    fn drop(&mut self) {}
}

thread_local! {
    static ALIVE: Alive = {
        // Thread-locals are dropped in the reverse order of their first use, so OpenTelemetry's has to be used first.
        Context::map_current(|_| ());
        Alive
    };
}

/// Returns whether OpenTelemetry can be used on this thread. It panics while the thread exits, once its own thread-local is
/// dropped.
pub(super) fn is_alive() -> bool {
    ALIVE.try_with(|_| ()).is_ok()
}
