use std::io;

use crate::event::Event;

/// Writes events on a thread of its own: to a file, a terminal, a socket.
///
/// The emitting task only queues. If a sink cannot write, the events are counted as lost and a
/// [flush](crate::handler::SinkGuard::flush) returns the error. It is reported once, as `telemetry.handler.failure` with kind `io`. The sink stays
/// attached; when a later write succeeds, that is reported with kind `recovered`. A sink that panics is detached and reported with
/// kind `panic`; what it has not written is lost, and counted.
///
/// # Examples
///
/// ```
/// use std::io::{self, Write};
/// use std::time::Duration;
/// use allm_telemetry::{prelude::*, Telemetry, handler::{Sink, SubscribeOptions}};
///
/// struct Names(Vec<u8>, Box<dyn Write + Send>);
///
/// impl Sink for Names {
///     fn take(&mut self, event: &Event<'_>) {
///         self.0.extend_from_slice(event.name().as_str().as_bytes());
///         self.0.push(b'\n');
///     }
///     fn write(&mut self, _lost: u64) -> io::Result<()> {
///         let written = self.1.write_all(&self.0);
///         self.0.clear();
///         written
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), allm_telemetry::handler::AttachError> {
/// let telemetry = Telemetry::new();
/// let names = Names(Vec::new(), Box::new(io::sink()));
/// let guard = telemetry.attach_sink("names", SpanName::Chat.events(), SubscribeOptions::new(1_024), names)?;
/// telemetry.scope(async {}.in_span_infallible(Span::chat())).await;
/// assert!(guard.flush(Duration::from_secs(5)).is_complete());
/// # Ok(())
/// # }
/// ```
pub trait Sink: Send + 'static {
    /// Takes an event. It is collected, and written later.
    fn take(&mut self, event: &Event<'_>);

    /// Returns whether so much is collected that it should be written although more events are queued.
    fn is_full(&self) -> bool {
        false
    }

    /// Writes what was collected. Called when no more events are queued, when a flush waits for what was collected, and when
    /// it [is full](Self::is_full). `lost` is how many events the queue has lost so far.
    ///
    /// # Errors
    ///
    /// If it cannot write. The events since the last write then count as lost.
    fn write(&mut self, lost: u64) -> io::Result<()>;

    /// Opens again what it writes to, so that it writes to a file that has replaced the one that was moved away. Called for a
    /// [`reopen`](crate::handler::SinkGuard::reopen), after a [`write`](Self::write). Does nothing by default.
    ///
    /// # Errors
    ///
    /// If it cannot. The sink keeps what was open, and no event is lost.
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Called after the last event. One [`write`](Self::write) follows.
    fn finish(&mut self) {}
}
