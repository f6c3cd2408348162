use opentelemetry::Context;

/// Dropped before OpenTelemetry's own thread-local.
struct Alive;

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

/// Whether OpenTelemetry can be used on this thread. It panics during thread teardown, once its thread-local is dropped.
pub(super) fn is_alive() -> bool {
    ALIVE.try_with(|_| ()).is_ok()
}
