use std::cell::Cell;
use std::mem::{self, ManuallyDrop};
use std::sync::Arc;

use super::context::Context;
use super::node::Node;
use crate::event::{LazyRequestId, RequestId};
use crate::registry::catch;

tokio::task_local! {
    static CURRENT: Slot;
}

/// The value of the task-local while a context is entered. It must not have a destructor: a thread-local with one is
/// inaccessible while its thread exits, and spans may end then. So [`Context::enter`] moves the node back out.
struct Slot {
    // A `Cell`, because the task-local gives out shared references.
    node: Cell<Option<ManuallyDrop<Arc<Node>>>>,
    bare_request: Option<LazyRequestId>,
}

const _: () = assert!(!mem::needs_drop::<Slot>());

impl Slot {
    /// Calls a function with the node, which is taken out of the cell meanwhile. The function must not run user code: the
    /// context would look empty, and a nested `sync_scope` would panic, because tokio holds a borrow of the task-local.
    #[inline]
    fn with_node<R>(&self, f: impl FnOnce(Option<&Arc<Node>>) -> R) -> R {
        let node = self.node.take();
        let result = f(node.as_deref());
        self.node.set(node);
        result
    }
}

/// Returns the request id of the current context, or `None` outside all spans and request scopes. Unobserved spans have
/// one too.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, current_request_id};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(current_request_id(), None);
/// let (outer, inner) = async {
///     (current_request_id(), async { current_request_id() }.in_span_infallible(Span::step()).await)
/// }
/// .in_span_infallible(Span::chat())
/// .await;
/// assert!(outer.is_some() && outer == inner);
/// # }
/// ```
#[must_use]
pub fn current_request_id() -> Option<RequestId> {
    Context::current().request_id()
}

impl Context {
    /// Returns the current context, which is empty outside all spans and scopes.
    #[must_use]
    #[inline]
    pub fn current() -> Self {
        let copy = |slot: &Slot| Self {
            node: slot.with_node(|node| node.cloned()),
            bare_request: slot.bare_request,
        };
        // An error means that no context is entered, or that the thread exits.
        CURRENT.try_with(copy).unwrap_or_default()
    }

    /// Returns whether this is the current context. The empty context is current outside all spans and scopes.
    #[inline]
    pub(super) fn is_current(&self) -> bool {
        let address = |node: Option<&Arc<Node>>| node.map(Arc::as_ptr);
        let is_same = |slot: &Slot| {
            slot.bare_request == self.bare_request && slot.with_node(address) == address(self.node.as_ref())
        };
        CURRENT.try_with(is_same).unwrap_or_else(|_| self.is_empty())
    }

    /// Runs a closure in this context, inside the listeners that wrap polls.
    pub fn run<R>(mut self, work: impl FnOnce() -> R) -> R {
        self.enter_poll(work)
    }

    /// Makes this the current context while `work` runs, without calling listeners. The node is moved into the task-local
    /// meanwhile, so that no reference count changes.
    #[inline]
    pub(crate) fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        enter(&mut self.node, self.bare_request, work)
    }

    /// Enters this context for a poll or a drop, inside the listeners that wrap polls.
    #[inline]
    pub(crate) fn enter_poll<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let Some(node) = self.listened_node() else { return self.enter(work) };
        if self.is_current() {
            // An unobserved span shares the context of the enclosing span, whose poll already runs inside the listeners.
            return work();
        }
        // `node` is a clone, because `enter` moves the other pointer out of `self`.
        match self.enter(|| node.around(|| catch(work))) {
            Ok(result) => result,
            // Resumed after all listeners have returned, so that it does not unwind through them.
            Err(caught) => caught.resume(),
        }
    }
}

/// Makes a span the current context while `work` runs, without calling listeners. `node` is `None` meanwhile.
#[inline]
pub(crate) fn enter_span<R>(node: &mut Option<Arc<Node>>, work: impl FnOnce() -> R) -> R {
    enter(node, None, work)
}

#[inline]
fn enter<R>(
    node: &mut Option<Arc<Node>>,
    bare_request: Option<LazyRequestId>,
    work: impl FnOnce() -> R,
) -> R {
    let lent = node.take().map(ManuallyDrop::new);
    // Without a node there is nothing to move back.
    let back = TakeBack(lent.is_some().then_some(node));
    // The result is stored in a local instead of being returned by `sync_scope`, which moves its return value twice: that
    // cost 15 ns per observed future.
    let mut result = None;
    CURRENT.sync_scope(Slot { node: Cell::new(lent), bare_request }, || {
        // Dropped while the slot is still set, even if `work` panics.
        let _back = back;
        result = Some(work());
    });
    result.expect("a scope runs its closure")
}

/// Moves the node back out of the task-local when `work` returns or panics.
struct TakeBack<'a>(Option<&'a mut Option<Arc<Node>>>);

impl Drop for TakeBack<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(owner) = self.0.take() {
            // The slot is the one that was set by `enter`: all nested contexts have been left.
            let lent = CURRENT.try_with(|slot| slot.node.take()).ok().flatten();
            *owner = lent.map(ManuallyDrop::into_inner);
        }
    }
}
