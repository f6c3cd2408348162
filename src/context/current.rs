use scoped_tls::scoped_thread_local;

use super::handle::Context;
use super::node::Node;
use crate::event::Phase;
use crate::registry::{States, Telemetry};

scoped_thread_local! {
    /// The context of what is being polled on this thread, wherever it lies.
    static NOW: Context
}

#[inline]
fn look<R>(look: impl FnOnce(&Context) -> R) -> Option<R> {
    if NOW.is_set() { Some(NOW.with(look)) } else { None }
}

/// What the calling code is inside of.
#[inline]
pub(crate) fn ambient() -> Context {
    look(Context::clone).unwrap_or_default()
}

/// Whether the calling code is in no context at all.
#[inline]
pub(crate) fn is_outside() -> bool {
    look(Context::is_empty).unwrap_or(true)
}

/// Whether the calling code is in just this context.
#[inline]
pub(crate) fn is_current(context: &Context) -> bool {
    look(|now| now.is(context)).unwrap_or(false)
}

/// The handle that the calling code emits to.
pub(crate) fn telemetry() -> Telemetry {
    ambient().telemetry()
}

/// Runs a poll, or a drop, in its context, with the listeners around it that want to be.
#[inline]
pub(crate) fn enter<R>(context: &Context, work: impl FnOnce() -> R) -> R {
    NOW.set(context, || match context.node() {
        None => work(),
        Some(node) => around(node, work),
    })
}

/// Runs our own code in a span's context: what emits an event there is no poll, so no listener is around it.
#[inline]
pub(crate) fn enter_quietly<R>(context: &Context, work: impl FnOnce() -> R) -> R {
    NOW.set(context, work)
}

/// Runs a poll, or a drop, in a context that is entered.
#[inline]
pub(crate) fn around<R>(node: &Node, work: impl FnOnce() -> R) -> R {
    match node.states() {
        None => work(),
        Some(states) => listened(node, states, work),
    }
}

#[cold]
fn listened<R>(node: &Node, states: &States, work: impl FnOnce() -> R) -> R {
    let Some(listeners) = node.telemetry.listeners().filter(|listeners| states.wants_around(listeners))
    else {
        return work();
    };
    let name = node.nearest_span(&node.telemetry).map(|start| start.name.event(Phase::Start));
    states.around(&node.telemetry, &listeners, name.as_ref(), node.has_ended(), work)
}
