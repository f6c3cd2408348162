use std::sync::{Arc, Mutex, PoisonError, Weak};

use tracing::span::Record;

use super::callsite::DynamicCallsite;
use super::callsites::OUTCOME;
use super::scoped_dispatch::ScopedDispatch;
use super::subscriber_span::SubscriberSpan;
use super::values::Values;

/// What is kept of a span, on its node in our tree.
///
/// The span ends in the subscriber when the call ends, although this state may be kept longer, by background tasks that
/// the call has started. So only `open` keeps the span open, until `end` takes it; a task that is inside the span at that
/// moment keeps it open until it leaves.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The subscriber, if there was one where the span was built or started.
    scope: Option<ScopedDispatch>,
    /// `None` if the subscriber does not enable the span, or if it has ended.
    open: Mutex<Option<Open>>,
    span: Weak<SubscriberSpan>,
}

type Open = (Arc<SubscriberSpan>, &'static DynamicCallsite);

impl State {
    pub(super) fn new(
        scope: ScopedDispatch,
        opened: Option<(SubscriberSpan, &'static DynamicCallsite)>,
    ) -> Self {
        let open = opened.map(|(span, callsite)| (Arc::new(span), callsite));
        let span = open.as_ref().map_or_else(Weak::new, |(span, _)| Arc::downgrade(span));
        Self { scope: Some(scope), open: Mutex::new(open), span }
    }

    pub(super) fn scope(&self) -> Option<&ScopedDispatch> {
        self.scope.as_ref()
    }

    /// Returns the span while it is open.
    #[inline]
    pub(super) fn span(&self) -> Option<Arc<SubscriberSpan>> {
        self.span.upgrade()
    }

    /// Takes the span, to end it.
    pub(super) fn end(&self) -> Option<Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for State {
    /// Ends the span, if the bridge was detached before the call ended.
    fn drop(&mut self) {
        let Some((span, callsite)) = self.end() else { return };
        let mut values = Values::new(callsite);
        values.text(OUTCOME, "unobserved");
        span.scope().run(|dispatch| {
            span.enter(dispatch, || values.visit(|set| dispatch.record(span.id(), &Record::new(set))));
        });
    }
}
