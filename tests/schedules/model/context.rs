//! What the model's tasks know: a tree of frames.

use allm_telemetry::SpanName;

use super::Model;
use crate::log::{Fact, Key, baggage_key};
use crate::program::Scope;

/// A place in the tree of contexts, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ctx(Option<usize>);

/// What was opened there.
pub(super) struct Frame {
    pub(super) around: Ctx,
    pub(super) handle: Handle,
    pub(super) request: Option<String>,
    /// By the place of its key in [`BAGGAGE`]. What is not added here is that of `around`.
    pub(super) baggage: [Option<u8>; 2],
    /// The name of the span, if it is one, observed or not.
    pub(super) name: Option<SpanName>,
    /// The observed span, if it is one.
    pub(super) span: Option<Key>,
    pub(super) retries: u64,
    /// The listeners that saw it start, each by the number of its attachment.
    pub(super) seen: Vec<u64>,
    /// The latest chunk of a stream inside is content-free, and that stream was not polled since.
    pub(super) content_free: bool,
}

/// What a frame emits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// The global one, because no scope named another. Nobody listens there.
    Default,
    /// The program's.
    Ours,
    /// Another, on which nobody listens.
    Theirs,
}

impl Ctx {
    pub(super) const NONE: Self = Self(None);
    /// The scope of the program's handle.
    pub(super) const SCOPE: Self = Self(Some(0));
    /// The scope of baggage in it.
    pub(super) const LADEN: Self = Self(Some(1));
}

impl Frame {
    /// A scope in `around`, or outside everything.
    pub(super) fn scope(around: Ctx, handle: Handle, request: Option<String>) -> Self {
        Self {
            around,
            handle,
            request,
            baggage: [None; 2],
            name: None,
            span: None,
            retries: 0,
            seen: Vec::new(),
            content_free: false,
        }
    }

    pub(super) fn with_baggage(mut self, number: Option<u8>) -> Self {
        number.into_iter().for_each(|number| self.baggage[usize::from(number % 2)] = Some(number));
        self
    }
}

impl Model {
    pub(super) fn frame(&self, ctx: Ctx) -> Option<&Frame> {
        ctx.0.map(|place| &self.frames[place])
    }

    pub(super) fn open(&mut self, mut frame: Frame) -> Ctx {
        let around = self.baggage(frame.around);
        frame.baggage = [frame.baggage[0].or(around[0]), frame.baggage[1].or(around[1])];
        self.frames.push(frame);
        Ctx(Some(self.frames.len() - 1))
    }

    /// Says of all that is around whether the latest chunk in here is content-free.
    pub(super) fn mark_around(&mut self, ctx: Ctx, content_free: bool) {
        let around: Vec<_> = self.lineage(ctx).skip(1).collect();
        around.into_iter().for_each(|place| self.frames[place].content_free = content_free);
    }

    /// Whether what a span's stream gives is a content-free chunk of a stream inside; it is so once.
    pub(super) fn take_mark(&mut self, ctx: Ctx) -> bool {
        ctx.0.is_some_and(|place| std::mem::take(&mut self.frames[place].content_free))
    }

    /// A listener knows the span of this frame.
    pub(super) fn saw(&mut self, ctx: Ctx, listener: u64) {
        ctx.0.into_iter().for_each(|place| self.frames[place].seen.push(listener));
    }

    pub(super) fn handle(&self, ctx: Ctx) -> Handle {
        self.frame(ctx).map_or(Handle::Default, |frame| frame.handle)
    }

    pub(super) fn is_ours(&self, ctx: Ctx) -> bool {
        self.handle(ctx) == Handle::Ours
    }

    /// Where something belongs that was built in one place and is polled for the first time in another. The place of the
    /// poll counts if it was opened inside the other. Otherwise that one counts, and what it lacks, a request with its
    /// baggage or a handle, is the one of the poll.
    pub(super) fn settle(&mut self, built: Ctx, here: Ctx) -> Ctx {
        if self.is_inside(here, built) {
            return here;
        }
        let (request, handle) = (self.request(built), self.handle(built));
        let (request_here, handle_here) = (self.request(here), self.handle(here));
        match (self.has_place(built), handle) {
            (false, _) if self.has_place(here) => self.open(Frame::scope(here, handle, request_here)),
            (true, Handle::Default) if handle_here != Handle::Default => {
                self.open(Frame::scope(built, handle_here, request))
            }
            _ => built,
        }
    }

    /// The context in a scope.
    pub(super) fn scoped(&mut self, scope: Scope, around: Ctx) -> Ctx {
        let (handle, request) = (self.handle(around), self.request(around));
        match scope {
            Scope::Given(id) => self.open(Frame::scope(around, handle, Some(format!("given-{id}")))),
            Scope::Baggage(number) => {
                self.open(Frame::scope(around, handle, request).with_baggage(Some(number)))
            }
            Scope::Ours => self.open(Frame::scope(around, Handle::Ours, request)),
            Scope::Theirs => self.open(Frame::scope(around, Handle::Theirs, request)),
            Scope::Carried => around,
        }
    }

    /// Whether there is a request or baggage, which are never split.
    fn has_place(&self, ctx: Ctx) -> bool {
        self.request(ctx).is_some() || self.baggage(ctx) != [None; 2]
    }

    pub(super) fn baggage(&self, ctx: Ctx) -> [Option<u8>; 2] {
        self.frame(ctx).map_or([None; 2], |frame| frame.baggage)
    }

    /// The baggage as events and looks have it.
    pub(super) fn baggage_facts(&self, ctx: Ctx) -> impl Iterator<Item = (&'static str, Fact)> + use<> {
        let baggage = self.baggage(ctx).into_iter().flatten();
        baggage.map(|number| (baggage_key(number), Fact::Number(number.into())))
    }

    pub(super) fn request(&self, ctx: Ctx) -> Option<String> {
        self.frame(ctx)?.request.clone()
    }

    pub(super) fn fresh_request(&mut self) -> String {
        self.requests += 1;
        format!("drawn-{}", self.requests)
    }

    /// This frame and those around it, the nearest first.
    pub(super) fn lineage(&self, ctx: Ctx) -> impl Iterator<Item = usize> {
        std::iter::successors(ctx.0, |place| self.frames[*place].around.0)
    }

    /// Whether `ctx` is `outer` or was opened inside it. Everything is inside nothing.
    pub(super) fn is_inside(&self, ctx: Ctx, outer: Ctx) -> bool {
        outer.0.is_none_or(|outer| self.lineage(ctx).any(|place| place == outer))
    }

    /// The nearest observed span.
    pub(super) fn parent(&self, ctx: Ctx) -> Option<Key> {
        self.lineage(ctx).find_map(|place| self.frames[place].span)
    }

    /// The frame of the call that a retry here counts on: the nearest, if it is observed and no tool is in between.
    pub(super) fn counting(&self, ctx: Ctx) -> Option<usize> {
        let asked =
            |place: &usize| self.name(*place).is_some_and(|name| is_call(name) || name == SpanName::Tool);
        self.lineage(ctx).find(asked).filter(|place| self.is_observed_call(*place))
    }

    /// Whether an unobserved span has a frame because it keeps what is inside apart from an observed call: a call and a
    /// tool keep its retries apart, and whatever is not a call keeps its tokens apart. A nearer one does so already.
    pub(super) fn is_boundary(&self, ctx: Ctx, name: SpanName) -> bool {
        let apart = |between: SpanName| match name {
            SpanName::Tool => between == SpanName::Tool,
            call if is_call(call) => is_call(between) || between == SpanName::Tool,
            _ => !is_call(between),
        };
        let nearest = |place: &usize| self.is_observed_call(*place) || self.name(*place).is_some_and(apart);
        self.lineage(ctx).find(nearest).is_some_and(|place| self.is_observed_call(place))
    }

    fn name(&self, place: usize) -> Option<SpanName> {
        self.frames[place].name
    }

    fn is_observed_call(&self, place: usize) -> bool {
        self.frames[place].span.is_some() && self.name(place).is_some_and(is_call)
    }
}

/// Whether a span's end says how often it was tried.
pub(super) fn is_call(name: SpanName) -> bool {
    name.row().result_keys.contains(&"attempts")
}
