use std::cell::Cell;
use std::mem::{self, ManuallyDrop};
use std::sync::Arc;

use super::handle::Context;
use super::node::Node;
use crate::event::LazyRequestId;
use crate::registry::{ListenerStates, Telemetry, catch};

/// A context while it is entered. It needs no drop, so it can be reached in a thread's last moments; whoever enters
/// takes back what it put in.
struct Slot {
    node: Cell<Option<ManuallyDrop<Arc<Node>>>>,
    id: Cell<Option<LazyRequestId>>,
}

thread_local! {
    /// The innermost span that is being polled on this thread.
    static NOW: Slot = const { Slot::empty() };
}

tokio::task_local! {
    /// What the task was given, by whoever spawned or scoped it. Hidden by `NOW`.
    static TASK: Slot;
}

impl Slot {
    const fn empty() -> Self {
        Self { node: Cell::new(None), id: Cell::new(None) }
    }

    #[inline]
    fn of(context: &mut Context) -> Self {
        let slot = Self::empty();
        slot.swap(context);
        slot
    }

    /// Exchanges what is here and what is there.
    #[inline]
    fn swap(&self, context: &mut Context) {
        self.swap_node(&mut context.node);
        context.id = self.id.replace(context.id);
    }

    /// Most tokens have no node on either side: nothing is written then.
    #[inline]
    fn swap_node(&self, node: &mut Option<Arc<Node>>) {
        let here = self.node.take();
        if here.is_some() || node.is_some() {
            self.node.set(node.take().map(ManuallyDrop::new));
            *node = here.map(ManuallyDrop::into_inner);
        }
    }

    /// A copy of what is here.
    fn copy(&self) -> Context {
        let node = self.node.take();
        let copy = node.as_deref().cloned();
        self.node.set(node);
        Context { node: copy, id: self.id.get() }
    }

    fn is(&self, context: &Context) -> bool {
        let node = self.node.take();
        let same_node = match (&node, &context.node) {
            (Some(here), Some(there)) => Arc::ptr_eq(here, there),
            (None, None) => true,
            _ => false,
        };
        self.node.set(node);
        same_node && self.id.get() == context.id
    }

    #[inline]
    fn has_node(&self) -> bool {
        let node = self.node.take();
        let has = node.is_some();
        self.node.set(node);
        has
    }

    #[inline]
    fn is_empty(&self) -> bool {
        !self.has_node() && self.id.get().is_none()
    }
}

/// What the calling code is inside of.
#[inline]
pub(crate) fn ambient() -> Context {
    if is_outside() { Context::default() } else { copy_ambient() }
}

#[inline(never)]
fn copy_ambient() -> Context {
    NOW.with(|now| if now.is_empty() { TASK.try_with(Slot::copy).unwrap_or_default() } else { now.copy() })
}

/// Whether the calling code is in no context at all.
#[inline]
pub(crate) fn is_outside() -> bool {
    NOW.with(Slot::is_empty) && TASK.try_with(Slot::is_empty).unwrap_or(true)
}

/// Whether the calling code is in just this context. In none at all is a place, too.
#[inline]
pub(crate) fn is_current(context: &Context) -> bool {
    NOW.with(|now| {
        if now.is_empty() {
            TASK.try_with(|task| task.is(context)).unwrap_or(context.is_empty())
        } else {
            now.is(context)
        }
    })
}

/// Whether a span of just this context is being polled on this thread, so that it need not be entered again.
#[inline]
pub(crate) fn is_entered(context: &Context) -> bool {
    NOW.with(|now| now.is(context))
}

/// The handle that the calling code emits to.
pub(crate) fn telemetry() -> Telemetry {
    ambient().telemetry()
}

/// Runs a poll, or a drop, in its context.
#[inline]
pub(crate) fn enter<R>(context: &mut Context, work: impl FnOnce() -> R) -> R {
    let listened = listened(context.node.as_ref());
    NOW.with(|now| {
        swapped(now, &mut context.node, context.id, || match listened {
            None => work(),
            Some(node) => around_fenced(&node, work),
        })
    })
}

/// An observed span while it is entered.
pub(crate) struct Lent<'a> {
    lent: &'a mut Option<Arc<Node>>,
    outer: Option<ManuallyDrop<Arc<Node>>>,
    outer_id: Option<LazyRequestId>,
}

/// Enters an observed span as long as the guard lives: `lent`, a second pointer to its node, is lent to the thread. A
/// guard, because what a closure gives is moved out of it, which costs a token more than all that is measured of it.
#[inline]
pub(crate) fn lend(lent: &mut Option<Arc<Node>>) -> Lent<'_> {
    NOW.with(|now| {
        let outer = now.node.replace(lent.take().map(ManuallyDrop::new));
        Lent { lent, outer, outer_id: now.id.replace(None) }
    })
}

impl Drop for Lent<'_> {
    #[inline]
    fn drop(&mut self) {
        NOW.with(|now| {
            let back = now.node.replace(self.outer.take()).map(ManuallyDrop::into_inner);
            // It is `None`, and to see whether that is to be dropped costs as much as the exchange.
            mem::forget(mem::replace(self.lent, back));
            now.id.set(self.outer_id);
        });
    }
}

/// A bare request while it is entered.
pub(crate) struct EnteredBare {
    outer: Option<LazyRequestId>,
}

/// Enters a request that nobody observes, where nobody observes anything: the common case, and two words to write.
/// `None` where it takes [`enter`]. To enter what is entered already costs less than to find that out.
#[inline]
pub(crate) fn enter_bare(context: &Context) -> Option<EnteredBare> {
    NOW.with(|now| {
        let observed = context.node.is_some() || now.has_node();
        (!observed).then(|| EnteredBare { outer: now.id.replace(context.id) })
    })
}

impl Drop for EnteredBare {
    #[inline]
    fn drop(&mut self) {
        NOW.with(|now| now.id.set(self.outer));
    }
}

/// Runs the poll, or the drop, of what carries a context, in that context.
pub(super) fn enter_task<R>(context: &mut Context, work: impl FnOnce() -> R) -> R {
    let listened = listened(context.node.as_ref());
    NOW.with(|now| {
        // Whatever span polls this is further out.
        swapped(now, &mut None, None, || {
            let slot = Slot::of(context);
            TASK.sync_scope(slot, || {
                let _back = Exit(context);
                match listened {
                    None => work(),
                    Some(node) => around_fenced(&node, work),
                }
            })
        })
    })
}

/// The node is lent to the slot, because it has an owner. The ticket is copied and what was there is kept in a register:
/// if it were swapped too, each token would wait for the last one's stores.
#[inline]
fn swapped<R>(
    slot: &Slot,
    node: &mut Option<Arc<Node>>,
    id: Option<LazyRequestId>,
    work: impl FnOnce() -> R,
) -> R {
    struct Back<'a> {
        slot: &'a Slot,
        node: &'a mut Option<Arc<Node>>,
        outer: Option<LazyRequestId>,
    }

    impl Drop for Back<'_> {
        #[inline]
        fn drop(&mut self) {
            self.slot.swap_node(self.node);
            self.slot.id.set(self.outer);
        }
    }

    slot.swap_node(node);
    let outer = slot.id.replace(id);
    let _back = Back { slot, node, outer };
    work()
}

/// Takes a context back out of the task-local, panic or not.
struct Exit<'a>(&'a mut Context);

impl Drop for Exit<'_> {
    fn drop(&mut self) {
        let _ = TASK.try_with(|task| task.swap(self.0));
    }
}

/// The node, if listeners want to be around what runs in it.
#[inline]
fn listened(node: Option<&Arc<Node>>) -> Option<Arc<Node>> {
    node.filter(|node| node.states().is_some_and(ListenerStates::want_around)).cloned()
}

/// Runs a poll, or a drop, inside a node that is entered, with the listeners around it that want to be. It must not
/// panic: what may is fenced by who calls this.
#[inline]
pub(crate) fn around<R>(node: &Node, work: impl FnOnce() -> R) -> R {
    match node.states() {
        Some(states) if states.want_around() => states.around(node.has_ended(), work),
        _ => work(),
    }
}

/// [`around`] what may panic: the panic goes on after the last listener has returned.
fn around_fenced<R>(node: &Node, work: impl FnOnce() -> R) -> R {
    match around(node, || catch(work)) {
        Ok(result) => result,
        Err(caught) => caught.resume(),
    }
}

const _: () = assert!(!mem::needs_drop::<Slot>());
