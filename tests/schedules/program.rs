//! What a program is made of. Its `Debug` is Rust: a failing program can be pasted into `regressions.rs`.

use std::fmt;

use allm_telemetry::{SpanName, event::Phase};

/// The code that drives the program: it is in the scope of the handle, and in no span.
pub(crate) const DRIVER: u8 = 0;

/// The same code outside the scope: what is built here has captured nothing.
pub(crate) const NOWHERE: u8 = 255;

/// The same code in the scope of the handle and of some baggage: what is built here is in no request.
pub(crate) const LADEN: u8 = 254;

/// The baggage there.
pub(crate) const LOAD: u8 = 9;

/// What happens, one after the other. Spans are named by small numbers; a name is free again when its span is gone.
/// An operation that means nothing where it stands (to poll what is not there) is passed over.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Whether somebody listens on another handle of the process, so that spans keep what they are told.
    pub(crate) bystander: bool,
    pub(crate) ops: Vec<Op>,
}

/// One step of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Attaches a handler, from inside the span `at`.
    Attach {
        at: u8,
        handler: u8,
        to: Events,
        does: Does,
    },
    Detach {
        at: u8,
        handler: u8,
    },
    /// Time passes, a millisecond at a time.
    Wait(u8),
    /// Wraps new work in a span inside `at`, which holds it, and drops it when it goes itself.
    Build {
        at: u8,
        span: u8,
        kind: Kind,
    },
    /// Polls down to the work of `span`, which does this.
    Poll(u8, Gives),
    /// Whoever holds the span drops it.
    Drop(u8),
    /// Whoever holds the span drops it while its thread unwinds, and catches that panic.
    Unwind(u8),
    /// Gives the span to a tokio task of its own, with the context of who holds it or without any.
    Spawn {
        span: u8,
        context: bool,
    },
    /// Aborts the task that was given the span.
    Abort(u8),
    /// Whoever holds the span gives it to another, who polls it there if it was polled before.
    Move {
        span: u8,
        to: u8,
    },
    /// Reads the request id inside `at`.
    Look(u8),
    /// Emits an event of its own inside `at`.
    Emit(u8),
    /// Tells of a retry inside `at`.
    Retry(u8),
}

/// What the work of a span does when it is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    Pending,
    /// A stream's item.
    Item(Word),
    /// The end: a future is ready, a stream returns `None`, an opening future gives its stream.
    End(Word),
    /// An `Err`: the end of a future, an item of a stream.
    Fail,
    Panic,
}

/// A value, and what the observers of the span do when they see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Nothing.
    Plain,
    /// They call it free of content.
    Empty,
    /// They record usage.
    Usage,
    /// They say that the answer is finished.
    Finish,
    /// They record usage and say that the answer is finished.
    Last,
    /// They say that it is an error.
    Bad,
    /// They panic.
    Bomb,
}

/// What kind of work a span wraps, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) shape: Shape,
    pub(crate) name: SpanName,
    /// A request id of the caller's.
    pub(crate) request: Option<u8>,
    /// Baggage that the span adds.
    pub(crate) baggage: Option<u8>,
    /// `tokio::time::timeout`, in milliseconds; streams have none.
    pub(crate) limit: Option<u8>,
    /// Whether the observers are expected to say that the answer is finished.
    pub(crate) expects: bool,
    /// What `on_end` does.
    pub(crate) at_end: Word,
    /// Whether the work panics when it is dropped.
    pub(crate) bomb: bool,
    /// Whether the work catches the panics of what it holds.
    pub(crate) careful: bool,
    /// The scopes that a future is wrapped in before its span is put around it, the innermost first.
    pub(crate) inner: Scopes,
    /// The scopes that are put around the span, the innermost first.
    pub(crate) outer: Scopes,
}

pub(crate) type Scopes = [Option<Scope>; 3];

pub(crate) const NO_SCOPES: Scopes = [None; 3];

/// What changes the context of a future, wherever it is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `with_request_id`.
    Given(u8),
    /// `with_baggage`.
    Baggage(u8),
    /// The scope of the program's handle.
    Ours,
    /// The scope of another handle, which nobody is attached to.
    Theirs,
    /// `in_current_context`.
    Carried,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A future of `Result`.
    Future,
    /// A future that cannot fail.
    Plain,
    /// A stream of `Result`.
    Stream,
    /// A future that opens a stream.
    Open,
    /// A span that is driven by hand.
    Hand,
}

/// What a handler is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    All,
    Of(SpanName),
    Starts,
    FirstChunks,
    Ends,
    Retries,
    Failures,
    Own,
}

/// What a handler does besides telling what it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Watches,
    Panics,
    /// Attaches another handler to everything, unless it is there.
    Attaches(u8),
    /// Detaches a handler, if it is there.
    Detaches(u8),
    /// Emits `allm.echo`, unless that is what it saw.
    Emits,
    /// It is a listener: it follows the spans that these events are of, whole, and is around their polls.
    Follows,
}

/// The spans that programs have: two that count their attempts and two that do not, and one that is a stream's own.
pub(crate) const NAMES: [SpanName; 5] =
    [SpanName::Generate, SpanName::Stream, SpanName::Chat, SpanName::Tool, SpanName::Embed];

/// The events that programs emit: from their operations, and from inside handlers.
pub(crate) const OWN: [&str; 2] = ["allm.note", "allm.echo"];

pub(crate) const RETRY: &str = "allm.adapter.retry";
pub(crate) const FAILURE: &str = "telemetry.handler.failure";

impl Events {
    pub(crate) fn names(self) -> Vec<String> {
        use Phase::{Exception, FirstChunk, Start, Stop};
        let of = |name: SpanName, phases: &[Phase]| {
            phases.iter().map(|phase| name.event(*phase).as_str().to_owned()).collect::<Vec<_>>()
        };
        let all = |phases: &[Phase]| NAMES.iter().flat_map(|name| of(*name, phases)).collect::<Vec<_>>();
        let others = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        match self {
            Self::All => {
                [all(&[Start, FirstChunk, Stop, Exception]), others(&OWN), others(&[RETRY, FAILURE])].concat()
            }
            Self::Of(name) => of(name, &[Start, FirstChunk, Stop, Exception]),
            Self::Starts => all(&[Start]),
            Self::FirstChunks => all(&[FirstChunk]),
            Self::Ends => all(&[Stop, Exception]),
            Self::Retries => others(&[RETRY]),
            Self::Failures => others(&[FAILURE]),
            Self::Own => others(&OWN),
        }
    }

    /// Whether this is one of them.
    pub(crate) fn has(self, event: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(name) => event.strip_prefix("allm.").is_some_and(|rest| {
                rest.strip_prefix(name.as_str()).is_some_and(|phase| phase.starts_with('.'))
            }),
            Self::Starts => event.ends_with(".start"),
            Self::FirstChunks => event.ends_with(".first_chunk"),
            Self::Ends => event.ends_with(".stop") || event.ends_with(".exception"),
            Self::Retries => event == RETRY,
            Self::Failures => event == FAILURE,
            Self::Own => OWN.contains(&event),
        }
    }

    /// Whether a listener follows this span.
    pub(crate) fn names_span(self, span: SpanName) -> bool {
        !matches!(self, Self::Of(name) if name != span)
    }

    /// Whether any event of this span is one of them.
    pub(crate) fn touches(self, span: SpanName) -> bool {
        match self {
            Self::All | Self::Starts | Self::FirstChunks | Self::Ends => true,
            Self::Of(name) => name == span,
            Self::Retries | Self::Failures | Self::Own => false,
        }
    }
}

impl Program {
    /// The same with handlers that change nothing: when tasks run at once, who is called by then is a matter of luck.
    pub(crate) fn calm(&self) -> Self {
        let calm = |op: &Op| match *op {
            Op::Attach { at, handler, to, does: Does::Panics | Does::Attaches(_) | Does::Detaches(_) } => {
                Op::Attach { at, handler, to, does: Does::Watches }
            }
            // It concerns the spans around, which may be in tasks that give chunks at the same time.
            Op::Poll(span, Gives::Item(Word::Empty)) => Op::Poll(span, Gives::Item(Word::Plain)),
            other => other,
        };
        Self { bystander: self.bystander, ops: self.ops.iter().map(calm).collect() }
    }
}

/// A future of `Result` in a span of this name.
pub(crate) const fn future(name: SpanName) -> Kind {
    Kind {
        shape: Shape::Future,
        name,
        request: None,
        baggage: None,
        limit: None,
        expects: false,
        at_end: Word::Plain,
        bomb: false,
        careful: false,
        inner: NO_SCOPES,
        outer: NO_SCOPES,
    }
}

/// A future that cannot fail.
pub(crate) const fn plain(name: SpanName) -> Kind {
    Kind { shape: Shape::Plain, ..future(name) }
}

/// A stream of `Result`.
pub(crate) const fn stream(name: SpanName) -> Kind {
    Kind { shape: Shape::Stream, ..future(name) }
}

/// A future that opens a stream.
pub(crate) const fn open(name: SpanName) -> Kind {
    Kind { shape: Shape::Open, ..future(name) }
}

/// A span that is driven by hand.
pub(crate) const fn hand(name: SpanName) -> Kind {
    Kind { shape: Shape::Hand, ..future(name) }
}

impl Kind {
    pub(crate) const fn request(self, id: u8) -> Self {
        Self { request: Some(id), ..self }
    }

    pub(crate) const fn baggage(self, number: u8) -> Self {
        Self { baggage: Some(number), ..self }
    }

    pub(crate) const fn limit(self, ms: u8) -> Self {
        Self { limit: Some(ms), ..self }
    }

    pub(crate) const fn expects(self) -> Self {
        Self { expects: true, ..self }
    }

    pub(crate) const fn at_end(self, word: Word) -> Self {
        Self { at_end: word, ..self }
    }

    pub(crate) const fn bomb(self) -> Self {
        Self { bomb: true, ..self }
    }

    pub(crate) const fn careful(self) -> Self {
        Self { careful: true, ..self }
    }

    pub(crate) const fn inner(self, scopes: Scopes) -> Self {
        Self { inner: scopes, ..self }
    }

    pub(crate) const fn outer(self, scopes: Scopes) -> Self {
        Self { outer: scopes, ..self }
    }

    /// Whether it is wrapped as a future: a stream has its context when it is wrapped, and has no scopes.
    pub(crate) const fn is_future(self) -> bool {
        matches!(self.shape, Shape::Future | Shape::Plain | Shape::Open)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = format!("{:?}", self.shape).to_lowercase();
        write!(f, "{shape}({:?})", self.name)?;
        if let Some(id) = self.request {
            write!(f, ".request({id})")?;
        }
        if let Some(number) = self.baggage {
            write!(f, ".baggage({number})")?;
        }
        if let Some(ms) = self.limit {
            write!(f, ".limit({ms})")?;
        }
        f.write_str(if self.expects { ".expects()" } else { "" })?;
        if self.at_end != Word::Plain {
            write!(f, ".at_end({:?})", self.at_end)?;
        }
        if self.inner != NO_SCOPES {
            write!(f, ".inner({:?})", self.inner)?;
        }
        if self.outer != NO_SCOPES {
            write!(f, ".outer({:?})", self.outer)?;
        }
        f.write_str(if self.bomb { ".bomb()" } else { "" })?;
        f.write_str(if self.careful { ".careful()" } else { "" })
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Program {{ bystander: {}, ops: vec![", self.bystander)?;
        for op in &self.ops {
            writeln!(f, "    {op:?},")?;
        }
        f.write_str("] }")
    }
}
