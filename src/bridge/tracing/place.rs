use super::handle::Handle;
use super::home::Home;

/// Where a span is built: the subscriber there, and the span that is current.
#[derive(Debug)]
pub(super) struct Place {
    home: Option<Home>,
    current: Option<Handle>,
    /// The subscriber knows that no span is current. One that does not keep track finds the parent of a span itself.
    is_outside: bool,
}

impl Place {
    pub(super) fn here() -> Self {
        let looked = Home::look(|dispatch, home| {
            let current = dispatch.current_span();
            let is_outside = current.is_known() && current.id().is_none();
            let current = current.id().map(|id| Handle::new(home.clone(), dispatch.clone_span(id)));
            Self { home: Some(home), current, is_outside }
        });
        looked.unwrap_or(Self { home: None, current: None, is_outside: false })
    }

    /// The place that counts for a span that starts now. A subscriber of a scope counts, where the span was built or
    /// else here; without one, the process's.
    pub(super) fn settle(self) -> Self {
        if self.home.as_ref().is_some_and(|home| !home.is_global()) {
            return self;
        }
        match Home::here() {
            Some(here) if self.home.is_none() || !here.is_global() => {
                Self { home: Some(here), current: None, is_outside: false }
            }
            _ => self,
        }
    }

    pub(super) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// The span that is the parent of what is built here; `ancestor` is the nearest one of ours, if it is open. `None` is
    /// for the subscriber to find one.
    pub(super) fn parent<'a>(&'a self, ancestor: Option<&'a Handle>) -> Option<&'a Handle> {
        let home = self.home.as_ref()?;
        let ancestor = ancestor.filter(|it| self.is_outside && home.is_surely(it.home()));
        self.current.as_ref().or(ancestor)
    }
}
