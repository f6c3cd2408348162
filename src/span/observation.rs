//! How observers are called: with the output of a future, or with an item of a stream, which is also measured.

use std::any::Any;

use super::observe::{Outcomes, Seen};
use super::record::Record;
use super::recording::Recording;
use crate::context::Node;
use crate::event::Phase;

impl Recording {
    /// Calls a function with a record for a value that is not an item of a stream.
    pub(crate) fn record<R>(&mut self, node: &Node, f: impl FnOnce(&mut Record<'_>) -> R) -> R {
        f(&mut Record::new(self, node, Phase::Stop))
    }

    /// Observes the output of a future. Returns it if the span makes it available to handlers.
    #[inline]
    pub(crate) fn output<'v, V, O: Outcomes<V>>(
        &mut self,
        node: &Node,
        output: &'v V,
        observer: &mut O,
    ) -> Option<&'v dyn Any> {
        match self.record(node, |record| observer.see(output, record)) {
            Seen::Value { response } => response,
            Seen::Err => None,
        }
    }

    /// Observes an item of a stream, and counts it unless it is an `Err`.
    #[inline]
    pub(crate) fn item<V, O: Outcomes<V>>(&mut self, node: &Node, item: &V, observer: &mut O) {
        // Before the observer is called, so that its time is not measured as waiting.
        let arrived_at = self.suspend_wait(node);
        let mut record = Record::new(self, node, Phase::FirstChunk);
        match observer.see(item, &mut record) {
            Seen::Value { .. } => {
                let marks = record.marks;
                self.chunk(node, arrived_at, marks);
            }
            Seen::Err => self.end_wait(node),
        }
    }
}
