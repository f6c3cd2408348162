//! Who follows whole spans, in the model.

use allm_telemetry::SpanName;

use super::Model;
use super::context::Ctx;
use super::handlers::{Attached, Emitted};
use crate::log::{AROUND, Entry, Fact};

impl Model {
    /// A span starts in `ctx`: whoever follows it is told before the handlers are, and knows it from now on.
    pub(super) fn listeners_start(&mut self, name: SpanName, ctx: Ctx, emitted: &Emitted) {
        let told: Vec<_> = self.listeners().filter(|it| it.to.names_span(name)).collect();
        for listener in told {
            self.tell_listener(listener, emitted);
            self.saw(ctx, listener.number);
        }
    }

    /// Something happened in the span of `ctx`, or it ended: that concerns those who saw that one start.
    pub(super) fn listeners_own(&mut self, ctx: Ctx, emitted: &Emitted) {
        let own = |it: &Attached| self.frame(ctx).is_some_and(|frame| frame.seen.contains(&it.number));
        let told: Vec<_> = self.listeners().filter(own).collect();
        told.into_iter().for_each(|listener| self.tell_listener(listener, emitted));
    }

    /// A retry in `ctx`: that concerns those who saw any span around it start.
    pub(super) fn listeners_around(&mut self, ctx: Ctx, emitted: &Emitted) {
        let told: Vec<_> = self.listeners().filter(|it| self.nearest_seen(ctx, it).is_some()).collect();
        told.into_iter().for_each(|listener| self.tell_listener(listener, emitted));
    }

    /// Which span each listener is around, for who looks in `ctx`. One that knows no span here may be around one of
    /// who polls this, and one that was detached in this poll leaves at its end.
    pub(super) fn who_is_around(&self, ctx: Ctx) -> Vec<(&'static str, Fact)> {
        let around = |handler: usize| {
            let listener = self.listeners().find(|it| usize::from(it.handler) == handler)?;
            self.frames[self.nearest_seen(ctx, &listener)?].span
        };
        let fact = |handler| around(handler).map_or(Fact::Any, |key| Fact::Number(key.into()));
        AROUND.into_iter().enumerate().map(|(handler, name)| (name, fact(handler))).collect()
    }

    fn listeners(&self) -> impl Iterator<Item = Attached> {
        self.handlers.iter().filter(|it| it.is_listener()).copied()
    }

    /// The innermost span that a listener saw start. It is concerned with what is of its own handle only.
    fn nearest_seen(&self, ctx: Ctx, listener: &Attached) -> Option<usize> {
        if !self.is_ours(ctx) {
            return None;
        }
        self.lineage(ctx).find(|place| self.frames[*place].seen.contains(&listener.number))
    }

    /// The context that a listener is called in is no promise.
    fn tell_listener(&mut self, listener: Attached, emitted: &Emitted) {
        self.log.push(Entry {
            on: self.on,
            by: listener.handler,
            event: emitted.event.clone(),
            node: emitted.node,
            parent: emitted.parent,
            request: emitted.request.clone(),
            here: None,
            at: emitted.at,
            facts: emitted.facts.clone(),
        });
    }
}
