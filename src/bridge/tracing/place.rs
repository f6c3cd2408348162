use super::handle::Handle;
use super::scoped_dispatch::ScopedDispatch;

/// Where a span is built: the subscriber there, and the span that is current.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) scoped_dispatch: Option<ScopedDispatch>,
    /// Ours, or one of the user's inside it: ours is entered wherever its context is carried.
    pub(super) current: Option<Handle>,
}

impl Place {
    pub(super) fn here() -> Self {
        let looked = ScopedDispatch::look(|dispatch, scoped_dispatch| {
            let current = dispatch.current_span();
            let current =
                current.id().map(|id| Handle::new(scoped_dispatch.clone(), dispatch.clone_span(id)));
            Self { scoped_dispatch: Some(scoped_dispatch), current }
        });
        looked.unwrap_or(Self { scoped_dispatch: None, current: None })
    }

    /// The place that counts for a span that starts now. A subscriber of a scope counts, where the span was built or
    /// else here; without one, the process's.
    pub(super) fn settle(self) -> Self {
        if self.scoped_dispatch.as_ref().is_some_and(|scoped_dispatch| !scoped_dispatch.is_global()) {
            return self;
        }
        match ScopedDispatch::here() {
            Some(here) if self.scoped_dispatch.is_none() || !here.is_global() => {
                Self { scoped_dispatch: Some(here), current: None }
            }
            _ => self,
        }
    }
}
