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

/// A context while it is entered. It must not need a drop: a thread-local that does cannot be reached while its thread is
/// torn down, and spans may end then. So [`Context::enter`] takes back the node that it lends.
struct Slot {
    node: Cell<Option<ManuallyDrop<Arc<Node>>>>,
    bare_request: Option<LazyRequestId>,
}

const _: () = assert!(!mem::needs_drop::<Slot>());

impl Slot {
    /// Looks at the node. Code of the user's must not run meanwhile: the slot is empty, and `sync_scope` panics inside
    /// `try_with`.
    #[inline]
    fn look<R>(&self, look: impl FnOnce(Option<&Arc<Node>>) -> R) -> R {
        let node = self.node.take();
        let looked = look(node.as_deref());
        self.node.set(node);
        looked
    }
}

/// Returns the request id of the code that calls this, inside any span or scope that has one, observed or not.
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
    /// Returns the context of the code that calls this. It is empty outside every span and scope.
    #[must_use]
    #[inline]
    pub fn current() -> Self {
        let copy =
            |slot: &Slot| Self { node: slot.look(|node| node.cloned()), bare_request: slot.bare_request };
        CURRENT.try_with(copy).unwrap_or_default()
    }

    /// Whether this is the current context. The empty one is current outside every span and scope.
    #[inline]
    pub(super) fn is_current(&self) -> bool {
        let address = |node: Option<&Arc<Node>>| node.map(Arc::as_ptr);
        let is_same = |slot: &Slot| {
            slot.bare_request == self.bare_request && slot.look(address) == address(self.node.as_ref())
        };
        CURRENT.try_with(is_same).unwrap_or_else(|_| self.is_empty())
    }

    /// Runs a closure in this context.
    pub fn run<R>(mut self, work: impl FnOnce() -> R) -> R {
        self.enter_poll(work)
    }

    /// Makes this the current context while `work` runs. Its node is lent to the slot meanwhile.
    #[inline]
    pub(crate) fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        enter(&mut self.node, self.bare_request, work)
    }

    /// Enters this context for a poll or a drop, inside the listeners that want to be around it.
    #[inline]
    pub(crate) fn enter_poll<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let Some(node) = self.listened_node() else { return self.enter(work) };
        if self.is_current() {
            // An unobserved span has the context of the one around it, and the listeners are around that one's poll.
            return work();
        }
        match self.enter(|| node.around(|| catch(work))) {
            Ok(result) => result,
            // The panic goes on after the last listener has returned.
            Err(caught) => caught.resume(),
        }
    }
}

/// Makes a span the current context while `work` runs. The pointer to its node is `None` meanwhile.
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
    let back = TakeBack(lent.is_some().then_some(node));
    CURRENT.sync_scope(Slot { node: Cell::new(lent), bare_request }, || {
        let _back = back;
        work()
    })
}

/// Takes the node back, if one was lent, when `work` returns or panics.
struct TakeBack<'a>(Option<&'a mut Option<Arc<Node>>>);

impl Drop for TakeBack<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(owner) = self.0.take() {
            // The slot is there: whatever was entered inside has been left by now.
            let lent = CURRENT.try_with(|slot| slot.node.take()).ok().flatten();
            *owner = lent.map(ManuallyDrop::into_inner);
        }
    }
}
