use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::lines::Lines;
use super::output::Output;
use crate::convention::policy::Policy;
use crate::event::EventName;
use crate::registry::{AttachError, SinkGuard, SubscribeOptions, Telemetry, WhenFull};

/// Writes events as JSON Lines. Created for a file or a writer, then attached to a [`Telemetry`].
///
/// The emitting task only puts events into a queue. Events that find it full are counted, and so are those that could not
/// be written. A full disk or a closed pipe is reported once, as `telemetry.handler.failure` with kind `io`, and once more with kind
/// `recovered` when writing works again; [`flush`](SinkGuard::flush) returns the error.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use allm_telemetry::{bridge::json_lines::JsonLines, prelude::*, Telemetry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("json-lines-{}", std::process::id()));
/// let telemetry = Telemetry::new();
/// let log = JsonLines::to_file(&path)?.attach("log", &telemetry)?;
///
/// telemetry.scope(async {}.in_span_infallible(Span::chat())).await;
///
/// assert!(log.flush(Duration::from_secs(5)).is_complete());
/// assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 2);
/// # drop(log);
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
#[must_use = "it writes nothing until it is attached; bind the guard to a named variable"]
pub struct JsonLines {
    output: Output,
    queue: SubscribeOptions,
    policy: Policy,
    events: Vec<EventName>,
}

impl JsonLines {
    const CAPACITY: usize = 8_192;

    /// Appends to a file, which is created if it does not exist. If it ends in half a line, as a crash or a full disk leaves it,
    /// a line feed is written first.
    ///
    /// The file can be [opened again](SinkGuard::reopen) after it was rotated: see [the module](crate::bridge::json_lines).
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn to_file(path: impl AsRef<Path>) -> io::Result<Self> {
        Output::to_file(path.as_ref()).map(Self::to_output)
    }

    /// Writes to a writer. Many lines are written at once, so the writer need not buffer.
    pub fn to_writer(writer: impl Write + Send + 'static) -> Self {
        Self::to_output(Output::to_writer(writer))
    }

    fn to_output(output: Output) -> Self {
        Self {
            output,
            queue: SubscribeOptions::new(Self::CAPACITY),
            policy: Policy::new(),
            events: EventName::catalogue().to_vec(),
        }
    }

    /// Sets how many events the queue holds: 8,192 if not set.
    pub fn capacity(self, events: usize) -> Self {
        Self { queue: self.queue.capacity(events), ..self }
    }

    /// Sets how many bytes of memory the queued events may hold, approximately: 64 MiB if not set. An event that is larger
    /// than that is queued only while there is no other.
    pub fn max_bytes(self, bytes: usize) -> Self {
        Self { queue: self.queue.max_bytes(bytes), ..self }
    }

    /// Sets what an emitting task does when the queue is full: by default it drops the event and counts it.
    pub fn when_full(self, when_full: WhenFull) -> Self {
        Self { queue: self.queue.when_full(when_full), ..self }
    }

    /// Sets what may be written: by default no content and none of your own metadata keys and measurements.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Writes only these events, in place of all events of the catalogue. Events that you [execute](crate::execute) are
    /// written only if they are named here, with the `allm.` that `execute` puts before a name.
    pub fn events(self, events: impl IntoIterator<Item: Into<EventName>>) -> Self {
        Self { events: events.into_iter().map(Into::into).collect(), ..self }
    }

    /// Attaches to `telemetry` under `id`, and writes until the guard is dropped.
    ///
    /// # Errors
    ///
    /// [`AttachError::AlreadyExists`] if the id is taken.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread, as [`std::thread::spawn`].
    pub fn attach(self, id: impl Into<Arc<str>>, telemetry: &Telemetry) -> Result<SinkGuard, AttachError> {
        let options = self.queue.content(self.policy.allowed_content());
        telemetry.attach_sink(id, self.events, options, Lines::new(self.output, self.policy))
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines")
            .field("queue", &self.queue)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
