//! The model: what happens to a span, in plain Rust, without futures, wrappers or tasks.

use allm_telemetry::Outcome;

use super::log::{Entry, What};
use super::program::{End, Kind, Node, Op};

type Log = Vec<Entry>;

/// What a poll gives.
#[derive(Debug, PartialEq)]
enum Gives {
    Pending,
    /// An item of a stream, or the stream itself of an opening.
    More,
    Done,
    Panic,
}

/// A node that runs.
struct Running<'p> {
    node: &'p Node,
    parent: Option<u64>,
    /// The script of the opening, then that of the stream; a future and a stream have one script.
    opening: bool,
    place: usize,
    active: Option<(Box<Running<'p>>, u8, bool)>,
    span: Span,
    failed: bool,
    said_err: bool,
    chunks: u64,
}

#[derive(PartialEq)]
enum Span {
    /// The root, or a future before its first poll.
    None,
    Live,
    Ended,
}

impl<'p> Running<'p> {
    fn build(node: &'p Node, parent: Option<u64>, log: &mut Log) -> Self {
        let opening = matches!(node.kind, Kind::Opening { .. });
        let mut built = Self {
            node,
            parent,
            opening,
            place: 0,
            active: None,
            span: Span::None,
            failed: false,
            said_err: false,
            chunks: 0,
        };
        // A stream's span starts when it is wrapped.
        if matches!(node.kind, Kind::Stream) {
            built.start(log);
        }
        built
    }

    fn start(&mut self, log: &mut Log) {
        if self.span == Span::None {
            self.span = Span::Live;
            log.push(Entry { node: self.node.id, what: What::Start { parent: self.parent } });
        }
    }

    fn end(&mut self, outcome: Outcome, log: &mut Log) {
        if self.span == Span::Live {
            self.span = Span::Ended;
            let chunks = (!matches!(self.node.kind, Kind::Future)).then_some(self.chunks);
            log.push(Entry { node: self.node.id, what: What::End { outcome, chunks } });
        }
    }

    /// panicked > error > the rest.
    fn or_error(&self, outcome: Outcome) -> Outcome {
        if self.failed { Outcome::Error } else { outcome }
    }

    fn script(&self) -> (&'p [Op], End) {
        match &self.node.kind {
            Kind::Opening { script, end } if self.opening => (script, *end),
            _ => (&self.node.script, self.node.end),
        }
    }

    fn is_stream_now(&self) -> bool {
        !self.opening && !matches!(self.node.kind, Kind::Future)
    }

    /// One poll of what is wrapped, without its span.
    fn body(&mut self, log: &mut Log) -> (Gives, bool) {
        loop {
            if let Some((child, polls, caught)) = &mut self.active {
                if *polls > 0 {
                    *polls -= 1;
                    match child.poll(log) {
                        Gives::Pending if *polls > 0 => return (Gives::Pending, true),
                        Gives::More => continue,
                        Gives::Panic if !*caught => return (Gives::Panic, true),
                        _ => {}
                    }
                }
                let caught = *caught;
                let dropped = self.active.take().map(|(mut child, ..)| child.drop_it(log));
                if dropped == Some(true) && !caught {
                    return (Gives::Panic, true);
                }
            }
            let (script, end) = self.script();
            match script.get(self.place) {
                None if end == End::Panic => return (Gives::Panic, true),
                None if end == End::Err && self.is_stream_now() && !self.said_err => {
                    self.said_err = true;
                    return (Gives::More, false);
                }
                None => return (Gives::Done, end == End::Ok || self.is_stream_now()),
                Some(op) => {
                    self.place += 1;
                    match op {
                        Op::Pending => return (Gives::Pending, true),
                        Op::Item(ok) if self.is_stream_now() => return (Gives::More, *ok),
                        Op::Item(_) => {}
                        Op::Run { child, polls, caught } => {
                            let parent = (self.span == Span::Live).then_some(self.node.id);
                            self.active =
                                Some((Box::new(Running::build(child, parent, log)), *polls, *caught));
                        }
                    }
                }
            }
        }
    }

    /// One poll of the span.
    fn poll(&mut self, log: &mut Log) -> Gives {
        self.start(log);
        let (gives, ok) = self.body(log);
        match gives {
            Gives::Pending => Gives::Pending,
            Gives::Panic => {
                // What it holds ends first; a second panic is nobody's.
                self.drop_body(log);
                self.end(Outcome::Panicked, log);
                Gives::Panic
            }
            Gives::More if ok => {
                self.chunks += 1;
                if self.chunks == 1 {
                    log.push(Entry { node: self.node.id, what: What::FirstChunk });
                }
                Gives::More
            }
            Gives::More => {
                self.failed = true;
                Gives::More
            }
            // The opening gave its stream.
            Gives::Done if self.opening && ok => {
                self.opening = false;
                self.place = 0;
                Gives::More
            }
            Gives::Done => {
                self.failed |= !ok;
                let panics = self.drop_body(log);
                self.end(self.or_error(Outcome::Completed), log);
                if panics { Gives::Panic } else { Gives::Done }
            }
        }
    }

    /// Drops what is wrapped; says whether that panics.
    fn drop_body(&mut self, log: &mut Log) -> bool {
        let child = self.active.take().is_some_and(|(mut child, ..)| child.drop_it(log));
        // An opening holds no stream yet, so nothing that panics when it is dropped.
        child || (self.node.drop_panics && !self.opening)
    }

    /// Drops the span; says whether that panics.
    fn drop_it(&mut self, log: &mut Log) -> bool {
        if self.span == Span::Ended {
            return false;
        }
        let panics = self.drop_body(log);
        let outcome = if self.is_stream_now() { self.or_error(Outcome::Dropped) } else { Outcome::Cancelled };
        self.end(outcome, log);
        panics
    }
}

pub(crate) fn run(root: &Node, polls: u8) -> Log {
    let mut log = Log::new();
    let mut running = Running::build(root, None, &mut log);
    for _ in 0..polls {
        if running.body(&mut log).0 != Gives::Pending {
            break;
        }
    }
    running.drop_body(&mut log);
    log
}
