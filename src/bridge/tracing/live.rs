use std::sync::{Arc, Mutex, PoisonError, Weak};

use tracing::Dispatch;
use tracing::span::Record;

use super::handle::Handle;
use super::scoped_dispatch::ScopedDispatch;
use super::site::Site;
use super::sites::OUTCOME;
use super::values::Values;

/// A span of ours while it is open in the subscriber.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) handle: Handle,
    pub(super) site: &'static Site,
}

impl Live {
    /// Records fields.
    pub(super) fn record(&self, dispatch: &Dispatch, values: &Values<'_>) {
        values.give(|set| dispatch.record(self.handle.id(), &Record::new(set)));
    }
}

/// What is kept for a span.
///
/// The span ends in the subscriber when the call ends, so the state alone does not keep it open; who runs inside it on
/// another task at that moment does, until it leaves.
#[derive(Debug)]
pub(super) struct State {
    /// The subscriber, if there was one where the span was built or began.
    pub(super) scoped_dispatch: Option<ScopedDispatch>,
    /// `None` if the subscriber does not want it.
    open: Mutex<Option<Arc<Live>>>,
    live: Weak<Live>,
}

impl State {
    pub(super) fn new(scoped_dispatch: Option<ScopedDispatch>, live: Option<Live>) -> Self {
        let open = live.map(Arc::new);
        let live = open.as_ref().map_or_else(Weak::new, Arc::downgrade);
        Self { scoped_dispatch, open: Mutex::new(open), live }
    }

    /// The span, while it is open.
    #[inline]
    pub(super) fn live(&self) -> Option<Arc<Live>> {
        self.live.upgrade()
    }

    /// The span, for the one who ends it.
    pub(super) fn end(&self) -> Option<Arc<Live>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for State {
    /// The bridge was detached before the call ended.
    fn drop(&mut self) {
        let Some(live) = self.end() else { return };
        let mut values = Values::new(live.site);
        values.text(OUTCOME, "unobserved");
        live.handle.scoped_dispatch().run(|dispatch| {
            live.handle.enter(dispatch, || live.record(dispatch, &values));
        });
    }
}
