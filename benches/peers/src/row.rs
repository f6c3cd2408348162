//! The rows of the table: which work, and what is attached.

/// Items in one wrapped stream; a stream's row is per item.
pub(crate) const ITEMS: u32 = 1_000;

/// The work that is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One future, ready at its first poll.
    Future,
    /// The same, and the request id is read inside.
    FutureRead,
    /// One future, pending nine times before it is ready.
    Pending,
    /// The same, pending nineteen times.
    LongPending,
    /// The model's name is owned, the request id fresh, and both are delivered.
    Owned,
    /// A chat with a step with a tool in it, all ready at their first poll.
    Nested,
    /// The same, and the request id is read in the tool.
    NestedRead,
    /// A stream of [`ITEMS`] ready items.
    Stream,
    /// The same, with a pending before every tenth item.
    StreamPending,
}

/// Who listens while the work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    /// Nobody.
    Nobody,
    /// One handler, to all events of the spans that the work opens.
    One,
    /// Ten such handlers.
    Ten,
    /// One handler, to the end of tools only; the work opens none.
    ToolStop,
    /// A registry with a layer that keeps the fields: to ours through its bridge to `tracing`.
    Registry,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// As in docs/performance.md.
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) listening: Listening,
    /// With 2, the row shows the throughput of two threads against one.
    pub(crate) threads: usize,
    /// The contenders that take part; all, if none is named.
    pub(crate) contenders: &'static [&'static str],
}

const fn row(id: &'static str, name: &'static str, shape: Shape, listening: Listening) -> Row {
    Row { id, name, shape, listening, threads: 1, contenders: &[] }
}

/// All rows, in the table's order.
pub(crate) const ROWS: &[Row] = &[
    row("1", "nothing attached, one ready future", Shape::Future, Listening::Nobody),
    row("1r", "as row 1, reading the id inside", Shape::FutureRead, Listening::Nobody),
    row("2", "nothing attached, chat > step > tool", Shape::Nested, Listening::Nobody),
    row("2r", "as row 2, reading the id in the tool", Shape::NestedRead, Listening::Nobody),
    row("3", "one handler, start + stop delivered", Shape::Future, Listening::One),
    row("4", "as row 3, fresh id, owned model", Shape::Owned, Listening::One),
    row("5", "one handler, chat > step > tool", Shape::Nested, Listening::One),
    row("6", "a stream item, nothing attached", Shape::Stream, Listening::Nobody),
    row("7", "a stream item, one handler", Shape::Stream, Listening::One),
    Row {
        threads: 2,
        ..row("8", "throughput of two threads relative to one, one handler", Shape::Future, Listening::One)
    },
    Row {
        threads: 2,
        ..row(
            "8n",
            "throughput of two threads relative to one, nothing attached",
            Shape::Future,
            Listening::Nobody,
        )
    },
    row("9", "ten handlers", Shape::Future, Listening::Ten),
    row("10", "pending nine times, nothing attached", Shape::Pending, Listening::Nobody),
    row("11", "pending nine times, one handler", Shape::Pending, Listening::One),
    row("12", "an item, a pending every tenth, nothing attached", Shape::StreamPending, Listening::Nobody),
    row("13", "an item, a pending every tenth, one handler", Shape::StreamPending, Listening::One),
    row("14", "only tool.stop attached, a generate runs", Shape::Future, Listening::ToolStop),
    bridged("15", "a bridge to tracing, one poll", Shape::Future),
    bridged("16", "a bridge to tracing, twenty polls", Shape::LongPending),
];

/// Ours through its bridge to `tracing`, beside the same span by hand.
const fn bridged(id: &'static str, name: &'static str, shape: Shape) -> Row {
    Row {
        contenders: &["ours", "span by hand", "span by hand in ours"],
        ..row(id, name, shape, Listening::Registry)
    }
}

impl Row {
    /// The row of that id.
    pub(crate) fn find(id: &str) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.id == id)
    }

    /// Whether a contender may take part.
    pub(crate) fn is_for(&self, contender: &str) -> bool {
        self.contenders.is_empty() || self.contenders.contains(&contender)
    }

    /// How many units of the table (spans, items) one run of the work has.
    pub(crate) fn units(&self) -> u32 {
        match self.shape {
            Shape::Stream | Shape::StreamPending => ITEMS,
            _ => 1,
        }
    }

    /// How many spans one run of the work opens.
    pub(crate) fn spans(&self) -> u64 {
        match self.shape {
            Shape::Nested | Shape::NestedRead => 3,
            _ => 1,
        }
    }

    /// Whether the work is a stream.
    pub(crate) fn is_stream(&self) -> bool {
        self.units() > 1
    }

    /// Whether the request id is read inside, so that only who has one can take part.
    pub(crate) fn reads_id(&self) -> bool {
        matches!(self.shape, Shape::FutureRead | Shape::NestedRead)
    }
}
