use super::handle::Handle;
use super::home::Home;

/// Where a span is built: the subscriber there, and the span that is current.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) home: Option<Home>,
    /// Ours, or one of the user's inside it: ours is entered wherever its context is carried.
    pub(super) current: Option<Handle>,
}

impl Place {
    pub(super) fn here() -> Self {
        let looked = Home::look(|dispatch, home| {
            let current = dispatch.current_span();
            let current = current.id().map(|id| Handle::new(home.clone(), dispatch.clone_span(id)));
            Self { home: Some(home), current }
        });
        looked.unwrap_or(Self { home: None, current: None })
    }

    /// The place that counts for a span that starts now. A subscriber of a scope counts, where the span was built or
    /// else here; without one, the process's.
    pub(super) fn settle(self) -> Self {
        if self.home.as_ref().is_some_and(|home| !home.is_global()) {
            return self;
        }
        match Home::here() {
            Some(here) if self.home.is_none() || !here.is_global() => {
                Self { home: Some(here), current: None }
            }
            _ => self,
        }
    }
}
