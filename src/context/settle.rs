use std::ptr;

use super::context::Context;
use super::node::Node;

impl Context {
    /// Chooses the context of a wrapper at its first poll: `self`, in which it was created, or the current one. Returns
    /// whether `self` changed.
    ///
    /// If the current context is nested in `self`, the current one is used. Otherwise `self` is used, and a part that it lacks is taken
    /// from the current context: the handle, or the place, which is the request together with its spans and its baggage.
    #[inline]
    pub(crate) fn settle(&mut self) -> bool {
        !self.is_current() && self.settle_slow()
    }

    #[inline(never)]
    fn settle_slow(&mut self) -> bool {
        let current = Self::current();
        if current.is_inside(self) {
            *self = current;
        } else if !self.has_place() && current.has_place() {
            // `self` has no place, but is not empty (the current context would be inside it): so it holds a `Telemetry` handle.
            // Keep that handle, in the current place.
            *self = current.with_telemetry(self.telemetry());
        } else if !self.has_explicit_telemetry() && current.has_explicit_telemetry() {
            // Created in a place on the default handle: the place is kept, with the current handle.
            *self = self.with_telemetry(current.telemetry());
        } else {
            return false;
        }
        true
    }

    /// Returns whether this context is nested in `outer` or is the same. Every context is nested in the empty one.
    fn is_inside(&self, outer: &Self) -> bool {
        let nodes = || self.node().into_iter().flat_map(|node| node.lineage());
        let in_node = outer.node().is_none_or(|outer| nodes().any(|node| ptr::eq(node, outer)));
        // An unobserved request has no node to compare. A span inside it has created one, which is recognized by the id.
        let in_request = outer.bare_request.is_none_or(|unobserved| {
            self.bare_request == Some(unobserved) || {
                let id = unobserved.id();
                nodes().filter_map(Node::request).any(|request| *request.get() == id)
            }
        });
        in_node && in_request
    }
}
