use opentelemetry::Context;

/// Dies before OpenTelemetry's own thread-local.
struct Alive;

impl Drop for Alive {
    fn drop(&mut self) {}
}

thread_local! {
    static ALIVE: Alive = {
        // What is first used later is dropped earlier.
        Context::map_current(|_| ());
        Alive
    };
}

/// Whether OpenTelemetry can be used on this thread: in its last moments it panics, because its thread-local is gone.
pub(super) fn is_alive() -> bool {
    ALIVE.try_with(|_| ()).is_ok()
}
