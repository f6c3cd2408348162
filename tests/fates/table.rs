//! The table: every fate of every form in every setting, and the rules that say what cannot exist.

/// How a span ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Completed,
    Error,
    /// An `Err` item, or a recorded error, and then it is dropped.
    ErrorThenDropped,
    /// It ends though its observer, which is expected to, has not seen the answer finished.
    Truncated,
    /// Its observer has seen the answer finished, and then it is dropped.
    FinishedThenDropped,
    Dropped,
    Cancelled,
    Panicked,
    NeverPolled,
}

/// What wears the span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A future, by `in_span_infallible`.
    Future,
    /// A future of `Result`, by `in_span`.
    TryFuture,
    /// A stream, by `in_span_infallible`.
    Stream,
    /// A stream of `Result`, by `in_span`.
    TryStream,
    /// A future that returns a stream, by `open`.
    Open,
    /// The closure contract, by `span`.
    Closure,
    /// A span that is driven by hand, by `start`.
    Manual,
}

/// Where it is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    CurrentThread,
    MultiThread,
    LocalSet,
    SpawnBlocking,
    /// An executor that is not tokio's: futures' `LocalPool`.
    LocalPool,
    /// Polled by hand.
    NoRuntime,
}

/// What ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing from outside: it runs to its own end.
    ByItself,
    /// `tokio::time::timeout`.
    Timeout,
    /// It loses a `select!`.
    Select,
    /// `JoinHandle::abort`.
    Abort,
    /// `JoinSet::shutdown`.
    JoinSetShutdown,
    /// The executor that holds it is dropped.
    RuntimeDrop,
    /// `Runtime::shutdown_timeout`.
    ShutdownTimeout,
    /// It lies in a thread-local of the thread that polled it, and the thread ends.
    ThreadTeardown,
    /// Whoever owns it drops it, and the drop of the inner value panics.
    PanicInDrop,
}

const FATES: [Fate; 9] = [
    Fate::Completed,
    Fate::Error,
    Fate::ErrorThenDropped,
    Fate::Truncated,
    Fate::FinishedThenDropped,
    Fate::Dropped,
    Fate::Cancelled,
    Fate::Panicked,
    Fate::NeverPolled,
];

const FORMS: [Form; 7] =
    [Form::Future, Form::TryFuture, Form::Stream, Form::TryStream, Form::Open, Form::Closure, Form::Manual];

pub(crate) const SETTINGS: [Setting; 6] = [
    Setting::CurrentThread,
    Setting::MultiThread,
    Setting::LocalSet,
    Setting::SpawnBlocking,
    Setting::LocalPool,
    Setting::NoRuntime,
];

const WAYS: [Way; 9] = [
    Way::ByItself,
    Way::Timeout,
    Way::Select,
    Way::Abort,
    Way::JoinSetShutdown,
    Way::RuntimeDrop,
    Way::ShutdownTimeout,
    Way::ThreadTeardown,
    Way::PanicInDrop,
];

/// One fate of one form in one setting, in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) fate: Fate,
    pub(crate) form: Form,
    pub(crate) setting: Setting,
    pub(crate) way: Way,
}

/// What cannot exist, and why.
pub(crate) struct Rule {
    pub(crate) why: &'static str,
    pub(crate) excludes: fn(&Cell) -> bool,
}

pub(crate) const RULES: [Rule; 8] = [
    Rule {
        why: "what is dropped or cancelled dies in a way, and all else ends by itself",
        excludes: |cell| cell.fate.dies() == (cell.way == Way::ByItself),
    },
    Rule {
        why: "a future that is dropped is cancelled: it has no reader that could leave, and ends with its error",
        excludes: |cell| cell.fate.has_reader() && cell.form.is_future(),
    },
    Rule {
        why: "the answer of a future is whole: nothing of it can be cut off",
        excludes: |cell| cell.fate == Fate::Truncated && cell.form.is_future(),
    },
    Rule {
        why: "a stream that is dropped is dropped, whoever dropped it",
        excludes: |cell| cell.fate == Fate::Cancelled && cell.form.is_stream(),
    },
    Rule {
        why: "a span by hand starts where it is made: it waits for no poll",
        excludes: |cell| cell.fate == Fate::NeverPolled && cell.form == Form::Manual,
    },
    Rule {
        why: "a span by hand owns no value whose drop could panic",
        excludes: |cell| cell.way == Way::PanicInDrop && cell.form == Form::Manual,
    },
    Rule {
        why: "timers, tasks and shutdown_timeout are tokio's and need its runtime",
        excludes: |cell| cell.way.needs_tokio() && !cell.setting.is_tokio(),
    },
    Rule {
        why: "where there is no runtime, none is dropped",
        excludes: |cell| cell.way == Way::RuntimeDrop && cell.setting == Setting::NoRuntime,
    },
];

impl Fate {
    /// Whether something from outside ends it.
    pub(crate) fn dies(self) -> bool {
        self.has_reader() || self == Self::Cancelled
    }

    /// Whether it is read, by someone who leaves.
    pub(crate) fn has_reader(self) -> bool {
        matches!(self, Self::ErrorThenDropped | Self::FinishedThenDropped | Self::Dropped)
    }

    /// Whether the span expects that its observer sees the answer finished. All but the one that completes without do, so
    /// that each of the other outcomes is seen to win.
    pub(crate) fn expects_finish(self) -> bool {
        self != Self::Completed
    }
}

impl Form {
    fn is_future(self) -> bool {
        matches!(self, Self::Future | Self::TryFuture | Self::Closure)
    }

    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Self::Stream | Self::TryStream)
    }
}

impl Setting {
    fn is_tokio(self) -> bool {
        !matches!(self, Self::LocalPool | Self::NoRuntime)
    }
}

impl Way {
    fn needs_tokio(self) -> bool {
        matches!(self, Self::Timeout | Self::Abort | Self::JoinSetShutdown | Self::ShutdownTimeout)
    }
}

impl Cell {
    /// The rule that says that it cannot exist.
    pub(crate) fn excluded_by(&self) -> Option<usize> {
        RULES.iter().position(|rule| (rule.excludes)(self))
    }
}

/// The whole product.
pub(crate) fn all() -> impl Iterator<Item = Cell> {
    FATES.into_iter().flat_map(|fate| {
        FORMS.into_iter().flat_map(move |form| {
            SETTINGS
                .into_iter()
                .flat_map(move |setting| WAYS.into_iter().map(move |way| Cell { fate, form, setting, way }))
        })
    })
}
