use super::scoped_dispatch::ScopedDispatch;
use super::subscriber_span::SubscriberSpan;

/// The subscriber and the span that are current where one of our spans is built.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) dispatch: Option<ScopedDispatch>,
    /// Ours, or one that the user opened inside it: ours is entered wherever its context is carried.
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

    /// Decides which subscriber a span belongs to that was built here and starts now. A scope's subscriber comes before the
    /// process's: the one where the span was built, otherwise the one where it starts.
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
