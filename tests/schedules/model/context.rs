//! What the model's tasks know: a tree of frames.

use super::Model;
use crate::log::Key;

/// A place in the tree of contexts, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ctx(Option<usize>);

/// What was opened there.
pub(super) struct Frame {
    pub(super) around: Ctx,
    /// Whether it emits to the program's handle; else to the global one, where nobody listens.
    pub(super) ours: bool,
    pub(super) request: Option<String>,
    /// The observed span, if it is one.
    pub(super) span: Option<Key>,
    /// Whether it is a span that says how often it was tried.
    pub(super) counts: bool,
    pub(super) retries: u64,
    /// The listeners that saw it start, each by the number of its attachment.
    pub(super) seen: Vec<u64>,
}

impl Ctx {
    pub(super) const NONE: Self = Self(None);
    /// The scope of the program's handle.
    pub(super) const SCOPE: Self = Self(Some(0));
}

impl Frame {
    pub(super) fn scope() -> Self {
        Self {
            around: Ctx::NONE,
            ours: true,
            request: None,
            span: None,
            counts: false,
            retries: 0,
            seen: Vec::new(),
        }
    }
}

impl Model {
    pub(super) fn frame(&self, ctx: Ctx) -> Option<&Frame> {
        ctx.0.map(|place| &self.frames[place])
    }

    pub(super) fn open(&mut self, frame: Frame) -> Ctx {
        self.frames.push(frame);
        Ctx(Some(self.frames.len() - 1))
    }

    /// A listener knows the span of this frame.
    pub(super) fn saw(&mut self, ctx: Ctx, listener: u64) {
        ctx.0.into_iter().for_each(|place| self.frames[place].seen.push(listener));
    }

    pub(super) fn is_ours(&self, ctx: Ctx) -> bool {
        self.frame(ctx).is_some_and(|frame| frame.ours)
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

    /// The frame of the span that a retry here counts on: the nearest that has the key, if it is observed.
    pub(super) fn counting(&self, ctx: Ctx) -> Option<usize> {
        let nearest = self.lineage(ctx).find(|place| self.frames[*place].counts)?;
        self.frames[nearest].span.is_some().then_some(nearest)
    }
}
