//! A span's life in the model: where it belongs, what it measures, how it ends.

use allm_telemetry::{
    SpanName,
    event::{Outcome, Phase},
};

use super::Model;
use super::context::{Ctx, Frame, Handle, is_call};
use super::handlers::Emitted;
use super::work::Life;
use crate::log::{Fact, Key};
use crate::program::{NO_SCOPES, Scopes, Shape, Word};

/// What an observed span knows while it lives. Times are in milliseconds.
pub(super) struct Live {
    ctx: Ctx,
    started: u64,
    parent: Option<Key>,
    waiting_since: Option<u64>,
    /// It waited, or saw a chunk.
    driven: bool,
    chunks: u64,
    to_first_chunk: Option<u64>,
    waited: u64,
    longest: u64,
    /// For how long it has waited since the last chunk with content.
    gap: u64,
    /// The latest chunk was content-free: what is around is marked.
    marks: bool,
    /// The chunk observer panicked.
    blind: bool,
    usage: bool,
    /// An observer said that the answer is finished.
    finished: bool,
    /// Usage came with the finish or later.
    usage_is_final: bool,
    /// An observer panicked, which is not called again: it may miss the finish.
    broken: bool,
    /// The class and the text of the first error.
    fault: Option<(&'static str, Fact)>,
}

impl Model {
    /// The first poll of work: each of its scopes and its span finds out where it belongs, from the outside in.
    pub(super) fn first_poll(&mut self, key: Key, here: Ctx) {
        let (kind, built) = (self.works[&key].kind, self.works[&key].captured);
        let here = self.enter_scopes(kind.outer, built, here);
        self.start(key, here);
        if kind.inner != NO_SCOPES {
            let inside = self.enter_scopes(kind.inner, built, self.inside(key));
            self.work(key).scoped = Some(inside);
        }
    }

    fn enter_scopes(&mut self, scopes: Scopes, built: Ctx, here: Ctx) -> Ctx {
        scopes.into_iter().flatten().rev().fold(here, |here, scope| {
            let settled = self.settle(built, here);
            self.scoped(scope, settled)
        })
    }

    /// Finds out where a span belongs, and starts it if somebody listens there.
    pub(super) fn start(&mut self, key: Key, here: Ctx) {
        let work = &self.works[&key];
        let (name, kept, given, baggage) = (work.kind.name, work.kept, work.kind.request, work.kind.baggage);
        let outer = self.settle(work.captured, here);
        let given = given.map(|id| format!("given-{id}"));
        if kept && self.is_ours(outer) && self.is_followed(name) {
            let parent = self.parent(outer);
            let request = given.or_else(|| self.request(outer)).unwrap_or_else(|| self.fresh_request());
            let ctx = self.open(Frame {
                name: Some(name),
                span: Some(key),
                ..Frame::scope(outer, Handle::Ours, Some(request)).with_baggage(baggage)
            });
            let live = Live {
                ctx,
                started: self.now,
                parent,
                waiting_since: None,
                driven: false,
                chunks: 0,
                to_first_chunk: None,
                waited: 0,
                longest: 0,
                gap: 0,
                marks: false,
                blind: false,
                usage: false,
                finished: false,
                usage_is_final: false,
                broken: false,
                fault: None,
            };
            self.work(key).life = Life::Observed(live);
            self.tell(key, Phase::Start, Vec::new());
            if self.works[&key].kind.shape == Shape::Open {
                self.pending(key);
            }
        } else {
            let ctx = self.unobserved(outer, name, given, baggage);
            self.work(key).life = Life::Unobserved(ctx);
        }
    }

    /// A span that nobody observes opens a context only if it changes something.
    fn unobserved(&mut self, outer: Ctx, name: SpanName, given: Option<String>, baggage: Option<u8>) -> Ctx {
        let inherited = self.request(outer);
        let adds = given.is_some() || baggage.is_some();
        if !adds && inherited.is_some() && !self.is_boundary(outer, name) {
            return outer;
        }
        let request = given.or(inherited).unwrap_or_else(|| self.fresh_request());
        let scope = Frame::scope(outer, self.handle(outer), Some(request)).with_baggage(baggage);
        self.open(Frame { name: Some(name), ..scope })
    }

    /// The context that the work of a span is in.
    pub(super) fn inside(&self, key: Key) -> Ctx {
        if let Some(scoped) = self.works[&key].scoped {
            return scoped;
        }
        match &self.works[&key].life {
            Life::Unobserved(ctx) => *ctx,
            Life::Observed(live) => live.ctx,
            Life::Built | Life::Ended => Ctx::NONE,
        }
    }

    fn live(&mut self, key: Key) -> Option<&mut Live> {
        match &mut self.work(key).life {
            Life::Observed(live) => Some(live),
            _ => None,
        }
    }

    pub(super) fn pending(&mut self, key: Key) {
        self.unmark(key);
        let now = self.now;
        if let Some(live) = self.live(key) {
            live.driven = true;
            live.waiting_since.get_or_insert(now);
        }
    }

    /// The wait is over, if there was one.
    pub(super) fn came(&mut self, key: Key) {
        self.suspend(key);
        if let Some(live) = self.live(key) {
            live.gap = 0;
        }
    }

    /// There is something to read. The wait is over unless it is content-free.
    fn suspend(&mut self, key: Key) {
        self.unmark(key);
        let now = self.now;
        let Some(live) = self.live(key) else { return };
        if let Some(since) = live.waiting_since.take() {
            live.waited += now - since;
            live.gap += now - since;
            live.longest = live.longest.max(live.gap);
        }
    }

    fn unmark(&mut self, key: Key) {
        if let Some(live) = self.live(key)
            && std::mem::take(&mut live.marks)
        {
            let ctx = live.ctx;
            self.mark_around(ctx, false);
        }
    }

    pub(super) fn chunk(&mut self, key: Key, word: Word) {
        self.suspend(key);
        let Some(live) = self.live(key) else { return };
        live.driven = true;
        live.chunks += 1;
        if !live.blind {
            let by_hand = self.works[&key].kind.shape == Shape::Hand;
            self.observe(key, word, Phase::FirstChunk, if by_hand { "record" } else { "observe" });
        }
        let now = self.now;
        let Some(live) = self.live(key) else { return };
        let (ctx, said) = (live.ctx, word == Word::Empty && !live.blind);
        if self.take_mark(ctx) || said {
            self.mark_around(ctx, true);
            self.live(key).into_iter().for_each(|live| live.marks = true);
            return;
        }
        let Some(live) = self.live(key) else { return };
        live.gap = 0;
        if live.to_first_chunk.is_none() {
            let after = now - live.started;
            live.to_first_chunk = Some(after);
            self.tell(key, Phase::FirstChunk, vec![("time_to_first_chunk", nanos(after))]);
        }
    }

    /// The first error is kept.
    pub(super) fn fault(&mut self, key: Key, class: &'static str, text: &'static str) {
        let text = self.text(self.works[&key].kind.name, text);
        if let Some(live) = self.live(key) {
            live.fault.get_or_insert((class, text));
        }
    }

    /// An observer sees a value.
    fn observe(&mut self, key: Key, word: Word, phase: Phase, id: &'static str) {
        let event = self.works[&key].kind.name.event(phase);
        let Some(live) = self.live(key) else { return };
        match word {
            Word::Plain | Word::Empty => {}
            Word::Usage => {
                live.usage = true;
                live.usage_is_final |= live.finished;
            }
            Word::Finish => live.finished = true,
            Word::Last => {
                live.usage = true;
                live.finished = true;
                live.usage_is_final = true;
            }
            Word::Bad => self.fault(key, "said", "the observer said so"),
            Word::Bomb => {
                let inside = live.ctx;
                live.blind |= phase == Phase::FirstChunk;
                live.broken |= id != "on_end";
                self.fail(inside, event.as_str(), id.to_owned(), "observer");
            }
        }
    }

    /// The work is done.
    pub(super) fn end_well(&mut self, key: Key, word: Word) {
        self.came(key);
        let shape = self.works[&key].kind.shape;
        match shape {
            Shape::Hand if self.live(key).is_some_and(|live| live.blind) => {}
            Shape::Hand => self.observe(key, word, Phase::Stop, "record"),
            _ if self.works[&key].is_stream() => {}
            _ => self.observe(key, word, Phase::Stop, "observe"),
        }
        self.end(key, Outcome::Completed);
    }

    /// Who held it has dropped it, before it was done.
    pub(super) fn end_dropped(&mut self, key: Key) {
        let work = &self.works[&key];
        let (kind, is_stream) = (work.kind, work.is_stream());
        let Some(live) = self.live(key) else { return };
        let by_hand = kind.shape == Shape::Hand;
        let is_dropped = is_stream || by_hand && (live.driven || kind.name == SpanName::Stream);
        self.end(key, if is_dropped { Outcome::Dropped } else { Outcome::Cancelled });
    }

    pub(super) fn end_panicked(&mut self, key: Key, message: &'static str) {
        self.conclude(key, Outcome::Panicked, message.into(), "panic".into());
    }

    /// The end that an error turns into an error. Before it `on_end` runs, unless the span is driven by hand.
    pub(super) fn end(&mut self, key: Key, exit: Outcome) {
        self.came(key);
        let kind = self.works[&key].kind;
        if kind.shape != Shape::Hand {
            self.observe(key, kind.at_end, Phase::Stop, "on_end");
        }
        let Some(live) = self.live(key) else { return };
        let fault = live.fault.take();
        let is_cut = exit == Outcome::Completed && kind.expects && !live.finished && !live.broken;
        let (finished, is_cut) = (live.finished, is_cut && self.is_measured(key));
        if exit == Outcome::Completed && fault.is_none() && !is_cut {
            self.live(key).into_iter().for_each(|live| live.usage_is_final = true);
        }
        match fault {
            Some((class, text)) => self.conclude(key, Outcome::Error, text, class.into()),
            None if is_cut => {
                let text = "the stream ended before its answer was finished";
                self.conclude(key, Outcome::Error, text.into(), "stream_truncated".into());
            }
            None if exit == Outcome::Dropped && finished => {
                self.conclude(key, Outcome::Completed, Fact::Null, Fact::Null);
            }
            None if exit == Outcome::Cancelled => self.conclude(key, exit, Fact::Null, "cancelled".into()),
            None => self.conclude(key, exit, Fact::Null, Fact::Null),
        }
    }

    /// The one end of an observed span.
    fn conclude(&mut self, key: Key, outcome: Outcome, text: Fact, error_type: Fact) {
        self.came(key);
        let kind = self.works[&key].kind;
        let now = self.now;
        let Some(live) = self.live(key) else { return };
        let duration = now - live.started;
        let mut facts = vec![("outcome", Fact::from(outcome.as_str()))];
        if outcome.is_exception() {
            let kind = if outcome == Outcome::Panicked { "panic" } else { "cancelled" };
            facts.extend([("error_type", error_type), ("kind", kind.into()), ("reason", text)]);
        } else {
            facts.extend([("error", text), ("error_type", error_type)]);
        }
        facts.push(("duration", nanos(duration)));
        let is_stream = self.is_measured(key);
        let Some(live) = self.live(key) else { return };
        if is_stream {
            facts.extend([
                ("chunk_count", Fact::Number(live.chunks)),
                ("time_to_first_chunk", live.to_first_chunk.map(nanos).into()),
                ("producer_wait", nanos(live.waited)),
                ("longest_wait", nanos(live.longest)),
                ("consumer_time", nanos(duration - live.waited)),
            ]);
        }
        let status = match (live.usage, live.usage_is_final) {
            (false, _) => "unknown",
            (true, true) => "reported",
            (true, false) => "partial",
        };
        let ctx = live.ctx;
        if let (true, Some(frame)) = (is_call(kind.name), self.frame(ctx)) {
            facts.push(("attempts", Fact::Number(frame.retries + 1)));
        }
        if is_stream || is_call(kind.name) {
            facts.push(("usage_status", status.into()));
        }
        self.tell(key, if outcome.is_exception() { Phase::Exception } else { Phase::Stop }, facts);
        self.work(key).life = Life::Ended;
    }

    /// Whether the span has the measurements of a stream.
    fn is_measured(&self, key: Key) -> bool {
        let work = &self.works[&key];
        match (work.kind.shape, &work.life) {
            (Shape::Stream | Shape::Open, _) => true,
            (Shape::Hand, Life::Observed(live)) if live.driven => true,
            _ => work.kind.name == SpanName::Stream,
        }
    }

    /// Emits an event of the span, inside it.
    fn tell(&mut self, key: Key, phase: Phase, mut facts: Vec<(&'static str, Fact)>) {
        let name = self.works[&key].kind.name;
        let Some(live) = self.live(key) else { return };
        let (ctx, parent) = (live.ctx, live.parent);
        facts.extend(self.baggage_facts(ctx));
        let emitted = Emitted {
            event: name.event(phase).as_str().to_owned(),
            node: Some(key),
            parent,
            request: self.request(ctx),
            at: Some(self.nanos()),
            facts,
        };
        if phase == Phase::Start {
            self.listeners_start(name, ctx, &emitted);
        }
        self.emit(ctx, &emitted);
        if phase != Phase::Start {
            self.listeners_own(ctx, &emitted);
        }
    }
}

fn nanos(milliseconds: u64) -> Fact {
    Fact::Number(milliseconds * 1_000_000)
}
