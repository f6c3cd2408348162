use std::borrow::Cow;
use std::fmt;
use std::{mem, thread};

use super::builder::Span;
use super::exit::Exit;
use super::lifecycle::{Lifecycle, Observed};
use super::observe::{NoObserver, Observer, WithInput};
use super::record::Record;
use super::recording::Recording;
use crate::context::Context;
use crate::event::{Failure, Phase, SpanName, Value};
use crate::registry::catch;

/// A started span that the caller ends, for code that is neither a future nor a stream, such as callbacks.
///
/// If [`wait`](Self::wait) or [`chunk`](Self::chunk) was called, the span has the measurements of a stream. If it is dropped
/// without an end, the outcome is `dropped` for such a span and for a `stream` span, otherwise `cancelled`. If the thread is
/// unwinding, the outcome is `panicked`.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{Span, Usage};
///
/// let mut span = Span::stream().model("gpt-5").start();
/// for token in ["Hel", "lo"] {
///     span.chunk(|record| record.push_output(|| token));
/// }
/// span.record(|record| record.usage(Usage::new().output(2)));
/// span.complete();
/// ```
#[must_use = "an active span that is dropped immediately ends as cancelled"]
pub struct ActiveSpan {
    lifecycle: Lifecycle,
}

impl Span {
    /// Starts the span immediately. The caller ends it. Values are recorded with [`record`](ActiveSpan::record) and
    /// [`chunk`](ActiveSpan::chunk) in place of observers.
    pub fn start(self) -> ActiveSpan {
        ActiveSpan::new(self)
    }
}

impl<V: Into<Value>, F: FnOnce() -> V> Span<WithInput<NoObserver, F>> {
    /// Starts the span immediately, with an input. The caller ends it.
    pub fn start(self) -> ActiveSpan {
        ActiveSpan::new(self)
    }
}

impl ActiveSpan {
    fn new<O: Observer>(span: Span<O>) -> Self {
        let Span { pending, mut observer } = span;
        let mut lifecycle = Lifecycle::Pending(pending);
        lifecycle.start(&mut observer, |_| Box::default());
        Self { lifecycle }
    }

    /// Runs code inside the span. If it panics, the span ends as `panicked` and the panic is resumed.
    pub fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let active = match &mut self.lifecycle {
            Lifecycle::Observed(observed) => &mut observed.active,
            Lifecycle::Unobserved(context) => return context.enter_poll(work),
            // Not reached: `new` starts the span, and the methods that end it take `self`.
            Lifecycle::Pending(_) | Lifecycle::Ended => return work(),
        };
        match active.enter(|node| node.around(|| catch(work))) {
            Ok(result) => result,
            Err(caught) => {
                // The span has ended, but the caller may catch the panic and continue to enter its context.
                let context = active.context();
                let ended = mem::replace(&mut self.lifecycle, Lifecycle::Unobserved(context));
                if let Lifecycle::Observed(observed) = ended {
                    let exit = Exit::panicked(observed.active.node(), &caught);
                    observed.end(exit, &mut NoObserver);
                }
                caught.resume()
            }
        }
    }

    /// Returns the context of the span, to enter it in other tasks and threads.
    #[must_use]
    pub fn context(&mut self) -> Context {
        match &mut self.lifecycle {
            Lifecycle::Observed(observed) => observed.active.context(),
            Lifecycle::Unobserved(context) => context.clone(),
            Lifecycle::Pending(_) | Lifecycle::Ended => Context::default(),
        }
    }

    /// Records values on the span. The closure runs only if the span is observed. After a closure passed to this method or
    /// to [`chunk`](Self::chunk) has panicked, no other is called.
    pub fn record(&mut self, record: impl FnOnce(&mut Record<'_>)) {
        self.lifecycle.record(|node, recording| {
            Record::new(recording, node, Phase::Stop).observe("record", record);
        });
    }

    /// Begins a wait for the next chunk, which lasts until the next [`chunk`](Self::chunk) or the end of the span.
    pub fn wait(&mut self) {
        self.lifecycle.record(|node, recording| recording.begin_wait(node));
    }

    /// Records that a chunk was received. The closure runs only if the span is observed.
    pub fn chunk(&mut self, record: impl FnOnce(&mut Record<'_>)) {
        self.lifecycle.record(|node, recording| {
            let arrived_at = recording.suspend_wait(node);
            let mut chunk = Record::new(recording, node, Phase::FirstChunk);
            chunk.observe("record", record);
            let marks = chunk.marks;
            recording.chunk(node, arrived_at, marks);
        });
    }

    /// Ends the span as `completed`, or as `error` if an [error](Record::error) was recorded before.
    pub fn complete(mut self) {
        self.end(|_, _| Exit::Completed);
    }

    /// Ends the span as `error`. `error_type` should be one of few values; the text is content.
    pub fn error<'t>(mut self, error_type: impl Into<Cow<'t, str>>, text: impl fmt::Display) {
        // Not with `Self::record`, which does nothing once a closure has panicked: the outcome must be `error` even then.
        self.lifecycle.record(|node, recording| {
            Record::new(recording, node, Phase::Stop).error(error_type, text);
        });
        self.complete();
    }

    /// Ends the span as `cancelled`, or as `error` if an error was recorded before.
    pub fn cancel(mut self) {
        self.end(|_, _| Exit::Cancelled);
    }

    fn end(&mut self, exit: impl FnOnce(&Observed, &Recording) -> Exit) {
        if let Lifecycle::Observed(observed) = self.lifecycle.take() {
            let exit = match &observed.recording {
                Some(recording) => exit(&observed, recording),
                None => Exit::Completed,
            };
            observed.end(exit, &mut NoObserver);
        }
    }
}

impl Drop for ActiveSpan {
    fn drop(&mut self) {
        self.end(|observed, recording| {
            if thread::panicking() {
                // The panic itself cannot be read here: its payload belongs to the code that catches it.
                let place =
                    format!("in a span created at {}, dropped during unwinding", observed.start().built_at);
                Exit::Panicked(Failure {
                    error_type: "panic".into(),
                    text: Some("the thread panicked while the span was active".into()),
                    stacktrace: Some(place.into()),
                })
            } else if recording.is_stream() || observed.start().name == SpanName::Stream {
                Exit::Dropped
            } else {
                Exit::Cancelled
            }
        });
    }
}

impl fmt::Debug for ActiveSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let observed = matches!(self.lifecycle, Lifecycle::Observed(_));
        f.debug_struct("ActiveSpan").field("observed", &observed).finish_non_exhaustive()
    }
}
