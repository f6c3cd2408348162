use std::sync::Arc;

use crate::context::{Context, Node, enter_span};
use crate::event::{Event, Phase, PhaseData, SpanStart};

/// The active context of an observed span. Its owner must [`end`](super::end::end) the span on every path, including its own
/// drop.
#[derive(Debug)]
pub(crate) struct Active {
    node: Arc<Node>,
    /// The same node. `None` while the span is entered, because it is moved into the task-local.
    lent: Option<Arc<Node>>,
}

impl Active {
    /// Emits the start event inside the span. Listeners were called before.
    pub(super) fn begin(node: Arc<Node>) -> Self {
        let mut lent = Some(node.clone());
        enter_span(&mut lent, || {
            if let Some(start) = node.start() {
                let name = start.name.event(Phase::Start);
                node.telemetry.span_started(start.name);
                node.telemetry.emit(&Event::of_span(&name, start, PhaseData::Start));
            }
        });
        Self { node, lent }
    }

    /// Runs `work` inside the span. It must not panic: user code in it is wrapped in `catch`.
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

    /// Returns the context, to enter it in other tasks and threads.
    pub(crate) fn context(&self) -> Context {
        Context::of(self.node.clone())
    }
}
