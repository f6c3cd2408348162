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
    /// The caller has still to emit the start event, see [`emit_start`].
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self { lent: Some(node.clone()), node }
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

/// Emits the start event of a span. Called inside the span, after its listeners.
pub(crate) fn emit_start(node: &Node) {
    if let Some(start) = node.start() {
        let name = start.name.event(Phase::Start);
        node.telemetry.span_started(start.name);
        node.telemetry.emit(&Event::of_span(&name, start, PhaseData::Start));
    }
}
