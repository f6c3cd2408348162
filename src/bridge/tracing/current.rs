use super::scoped_dispatch::ScopedDispatch;
use super::subscriber_span::SubscriberSpan;

/// The subscriber and the `tracing` span that are current where a span is created.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) dispatch: Option<ScopedDispatch>,
    /// A span of this bridge, or one that user code opened inside it.
    pub(super) span: Option<SubscriberSpan>,
}

impl Current {
    pub(super) fn get() -> Self {
        let current = ScopedDispatch::with_current(|dispatch, scope| {
            let id = dispatch.current_span().id().map(|id| dispatch.clone_span(id));
            let span = id.map(|id| SubscriberSpan::new(scope.clone(), id));
            Self { dispatch: Some(scope), span }
        });
        current.unwrap_or(Self { dispatch: None, span: None })
    }

    /// Chooses the subscriber of a span that was created with this value and starts now. A scoped subscriber takes precedence
    /// over the global one: that of the creation, otherwise that of the start.
    pub(super) fn at_start(self) -> Self {
        if self.dispatch.as_ref().is_some_and(|built| !built.is_global()) {
            return self;
        }
        match ScopedDispatch::current() {
            Some(here) if self.dispatch.is_none() || !here.is_global() => {
                Self { dispatch: Some(here), span: None }
            }
            _ => self,
        }
    }
}
