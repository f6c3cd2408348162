use std::ptr;

use super::context::Context;
use super::node::Node;

impl Context {
    /// Decides, at the first poll of what was built in this context, where it belongs. Returns whether that is another
    /// context.
    ///
    /// The context of the poll counts if it was opened inside this one. Otherwise this one counts, and what it lacks is
    /// taken from the context of the poll: the handle, or the request with all that belongs to it.
    #[inline]
    pub(crate) fn settle(&mut self) -> bool {
        !self.is_current() && self.settle_elsewhere()
    }

    #[inline(never)]
    fn settle_elsewhere(&mut self) -> bool {
        let here = Self::current();
        // Everything is inside the empty context, so from here on `self` has a request or a handle.
        if here.is_inside(self) {
            *self = here;
        } else if !self.has_request() && here.has_request() {
            *self = here.with_telemetry(self.telemetry());
        } else if !self.has_telemetry() && here.has_telemetry() {
            *self = self.with_telemetry(here.telemetry());
        } else {
            return false;
        }
        true
    }

    /// Whether this was opened inside `outer`, or is it. Everything is inside the empty context.
    fn is_inside(&self, outer: &Self) -> bool {
        let around = || self.node().into_iter().flat_map(|node| node.lineage());
        let in_node = outer.node().is_none_or(|outer| around().any(|node| ptr::eq(node, outer)));
        // A request that nobody observes has no node to be found, so it is recognized by its id.
        let in_request = outer.bare_request.is_none_or(|request| {
            self.bare_request == Some(request) || {
                let id = request.id();
                around().filter_map(Node::request).any(|request| *request.get() == id)
            }
        });
        in_node && in_request
    }
}
