//! How observers are called: with the output of a future, or with an item of a stream, which is measured as well.

use std::any::Any;

use super::observe::{Outcomes, Seen};
use super::record::Record;
use super::recording::Recording;
use crate::context::Node;
use crate::event::Phase;

impl Recording {
    /// Records something that is no item of a stream.
    pub(crate) fn see<R>(&mut self, node: &Node, see: impl FnOnce(&mut Record<'_>) -> R) -> R {
        see(&mut Record::new(self, node, Phase::Stop))
    }

    /// A future returned: its output is observed. Returns it if handlers may see it by reference.
    #[inline]
    pub(crate) fn output<'v, V, O: Outcomes<V>>(
        &mut self,
        node: &Node,
        output: &'v V,
        observer: &mut O,
    ) -> Option<&'v dyn Any> {
        match self.see(node, |record| observer.see(output, record)) {
            Seen::Value { response } => response,
            Seen::Err => None,
        }
    }

    /// A stream returned an item: it is observed and, unless it is an error, counted.
    #[inline]
    pub(crate) fn item<V, O: Outcomes<V>>(&mut self, node: &Node, item: &V, observer: &mut O) {
        let wait = self.end_wait(node);
        let mut record = Record::new(self, node, Phase::FirstChunk);
        if let Seen::Value { .. } = observer.see(item, &mut record) {
            let content_free = record.content_free;
            self.chunk(node, wait, content_free);
        }
    }
}
