use std::fmt;
use std::thread;

use super::active::Ending;
use super::builder::Span;
use super::judge::Fault;
use super::live::Live;
use super::observer::{Input, NoObserver};
use super::record::Record;
use crate::context::{Context, enter};
use crate::event::SpanName;
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
    state: State,
    /// It was driven as a stream: it waited, or saw a chunk.
    is_stream: bool,
}

enum State {
    Unobserved(Context),
    Observed(Box<Live>),
    /// It has ended; after a panic in it, with the context that its caller may still be in.
    Ended(Context),
}

impl<K, I: Input> Span<NoObserver, NoObserver, K, I> {
    /// Starts the span now; the caller ends it.
    pub fn start(mut self) -> ActiveSpan {
        let state = match self.unsettled.settle(&mut Some(self.input)) {
            None => State::Unobserved(self.unsettled.context),
            Some(active) => State::Observed(Box::new(Live::new(active))),
        };
        ActiveSpan { state, is_stream: false }
    }
}

impl ActiveSpan {
    /// Runs code inside the span. If it panics, the span ends as `panicked` and the panic goes on.
    pub fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let live = match &mut self.state {
            State::Unobserved(context) | State::Ended(context) => return enter(context, work),
            State::Observed(live) => live,
        };
        match live.active.enter(|| catch(work)) {
            Ok(result) => result,
            Err(caught) => {
                let context = live.active.context();
                if let State::Observed(live) = std::mem::replace(&mut self.state, State::Ended(context)) {
                    let ending = live.active.panicked(&caught);
                    live.finish_by_hand(ending, self.is_stream);
                }
                caught.resume()
            }
        }
    }

    /// The span's context, to enter it elsewhere.
    #[must_use]
    pub fn context(&mut self) -> Context {
        match &mut self.state {
            State::Unobserved(context) | State::Ended(context) => enter(context, Context::current),
            State::Observed(live) => live.active.context(),
        }
    }

    /// Records what is known so far. The closure runs only if the span is observed.
    pub fn record(&mut self, record: impl FnOnce(&mut Record<'_>)) {
        if let State::Observed(live) = &mut self.state {
            live.look(record);
        }
    }

    /// A wait for the next chunk begins; it lasts until the next [`chunk`](Self::chunk) or the end.
    pub fn wait(&mut self) {
        self.is_stream = true;
        if let State::Observed(live) = &mut self.state {
            live.pending();
        }
    }

    /// A chunk came. The closure runs only if the span is observed.
    pub fn chunk(&mut self, record: impl FnOnce(&mut Record<'_>)) {
        self.is_stream = true;
        if let State::Observed(live) = &mut self.state {
            let mut record = Some(record);
            let mut once =
                |(): &(), to: &mut Record<'_>| record.take().into_iter().for_each(|record| record(to));
            let Live { active, sight } = &mut **live;
            active.enter_quietly(|node| sight.chunk(node, &(), &mut once));
        }
    }

    /// Ends the span as `completed`, or as `error` if an [error](Record::error) was recorded.
    pub fn complete(mut self) {
        if let State::Observed(mut live) = self.end() {
            let ending = Ending::of(live.take_fault());
            live.finish_by_hand(ending, self.is_stream);
        }
    }

    /// Ends the span as `error`. The class is one of few values; the text is content.
    pub fn error(mut self, error_type: impl Into<crate::event::Key>, text: impl fmt::Display) {
        // Not through `record`, which is silent once its code has panicked: an error is never reported as completed.
        if let State::Observed(live) = &mut self.state {
            live.error(|with_text| Fault {
                error_type: error_type.into(),
                text: with_text.then(|| text.to_string().into()),
            });
        }
        self.complete();
    }

    /// Ends the span as `cancelled`.
    pub fn cancel(mut self) {
        if let State::Observed(live) = self.end() {
            live.finish_by_hand(Ending::cancelled(), self.is_stream);
        }
    }

    fn end(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Ended(Context::default()))
    }
}

impl Drop for ActiveSpan {
    fn drop(&mut self) {
        let State::Observed(mut live) = self.end() else { return };
        let ending = if thread::panicking() {
            let place = format!("dropped while unwinding; built at {}", live.active.start().built_at);
            Ending::panicked("a panic around a span that was driven by hand", place)
        } else if self.is_stream || live.active.name() == SpanName::Stream {
            Ending::dropped(live.take_fault())
        } else {
            match live.take_fault() {
                None => Ending::cancelled(),
                fault => Ending::of(fault),
            }
        };
        live.finish_by_hand(ending, self.is_stream);
    }
}

impl fmt::Debug for ActiveSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Unobserved(_) => "unobserved",
            State::Observed(_) => "observed",
            State::Ended(_) => "ended",
        };
        f.debug_struct("ActiveSpan").field("state", &state).finish()
    }
}
