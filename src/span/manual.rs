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

/// A span that is driven by hand, for callback code that is neither a future nor a stream.
///
/// Dropped without an end, it ends as `cancelled`, as `dropped` if it waited for chunks or saw some or is a stream's, and as
/// `panicked` when the thread is unwinding. One that waited for chunks or saw some has a stream's measurements.
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
#[must_use = "an active span that is dropped at once ends as cancelled"]
pub struct ActiveSpan {
    lifecycle: Lifecycle,
}

impl Span {
    /// Starts the span now; the caller ends it. [`record`](ActiveSpan::record) and [`chunk`](ActiveSpan::chunk) take the
    /// place of observers.
    pub fn start(self) -> ActiveSpan {
        ActiveSpan::new(self)
    }
}

impl<V: Into<Value>, F: FnOnce() -> V> Span<WithInput<NoObserver, F>> {
    /// Starts the span now; the caller ends it.
    pub fn start(self) -> ActiveSpan {
        ActiveSpan::new(self)
    }
}

impl ActiveSpan {
    fn new<O: Observer>(span: Span<O>) -> Self {
        let Span { pending, mut observer } = span;
        let mut lifecycle = Lifecycle::Pending(pending);
        lifecycle.start(&mut observer, |_| Some(Box::default()));
        Self { lifecycle }
    }

    /// Runs code inside the span. If it panics, the span ends as `panicked` and the panic goes on.
    pub fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let active = match &mut self.lifecycle {
            Lifecycle::Observed(observed) => &mut observed.active,
            Lifecycle::Unobserved(context) => return context.enter_poll(work),
            // It starts when it is made and ends when it is gone, so it is neither.
            Lifecycle::Pending(_) | Lifecycle::Ended => return work(),
        };
        match active.enter(|node| node.around(|| catch(work))) {
            Ok(result) => result,
            Err(caught) => {
                // From here on it is silent, but its caller may still work in its context.
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

    /// The span's context, to enter it elsewhere.
    #[must_use]
    pub fn context(&mut self) -> Context {
        match &mut self.lifecycle {
            Lifecycle::Observed(observed) => observed.active.context(),
            Lifecycle::Unobserved(context) => context.clone(),
            Lifecycle::Pending(_) | Lifecycle::Ended => Context::default(),
        }
    }

    /// Records what is known so far. The closure runs only if the span is observed. After one that panicked, here or in
    /// [`chunk`](Self::chunk), no other is called.
    pub fn record(&mut self, record: impl FnOnce(&mut Record<'_>)) {
        self.lifecycle.record(|node, recording| {
            Record::new(recording, node, Phase::Stop).observe("record", record);
        });
    }

    /// A wait for the next chunk begins; it lasts until the next [`chunk`](Self::chunk) or the end.
    pub fn wait(&mut self) {
        self.lifecycle.record(|node, recording| recording.begin_wait(node));
    }

    /// A chunk came. The closure runs only if the span is observed.
    pub fn chunk(&mut self, record: impl FnOnce(&mut Record<'_>)) {
        self.lifecycle.record(|node, recording| {
            let wait = recording.end_wait(node);
            let mut to = Record::new(recording, node, Phase::FirstChunk);
            to.observe("record", record);
            let content_free = to.content_free;
            recording.chunk(node, wait, content_free);
        });
    }

    /// Ends the span as `completed`, or as `error` if an [error](Record::error) was recorded.
    pub fn complete(mut self) {
        self.end(|_, _| Exit::Completed);
    }

    /// Ends the span as `error`. The class is one of few values; the text is content.
    pub fn error<'t>(mut self, error_type: impl Into<Cow<'t, str>>, text: impl fmt::Display) {
        // Not through `record`, which is silent after a panic in it: an error must not be reported as completed.
        self.lifecycle.record(|node, recording| {
            Record::new(recording, node, Phase::Stop).error(error_type, text);
        });
        self.complete();
    }

    /// Ends the span as `cancelled`, or as `error` if one was recorded.
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
                let place = format!("dropped while unwinding; built at {}", observed.start().built_at);
                Exit::Panicked(Failure {
                    error_type: "panic".into(),
                    text: Some("a panic around a span that was driven by hand".into()),
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
