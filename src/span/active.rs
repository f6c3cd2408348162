use std::sync::Arc;

use crate::context::{Context, Node, enter_span};
use crate::event::{Event, Phase, PhaseData, SpanStart};

/// The context of an observed span. Whoever has it must [`end`](super::end::end) the span on every path, its
/// own drop included.
#[derive(Debug)]
pub(crate) struct Active {
    node: Arc<Node>,
    /// The same node, lent to the task while the span is entered.
    lent: Option<Arc<Node>>,
}

impl Active {
    /// Emits the start, inside the span. Its listeners were called before.
    pub(super) fn begin(node: Arc<Node>) -> Self {
        let mut active = Self { lent: Some(node.clone()), node };
        active.enter(|node| {
            if let Some(start) = node.start() {
                let name = start.name.event(Phase::Start);
                node.telemetry.emit(&Event::of_span(&name, start, PhaseData::Start));
            }
        });
        active
    }

    /// Runs `work` inside the span. It must not panic: the user's code is caught inside.
    #[inline]
    pub(crate) fn enter<R>(&mut self, work: impl FnOnce(&Node) -> R) -> R {
        let Self { node, lent } = self;
        enter_span(lent, || work(node))
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn start(&self) -> &SpanStart {
        self.node.start().expect("an active span's node is a span")
    }

    /// A copy of the context, to enter it elsewhere.
    pub(crate) fn context(&self) -> Context {
        Context::of(self.node.clone())
    }
}
