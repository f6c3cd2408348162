//! What started and how it ended, from events alone.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use allm_telemetry::{
    Event, SpanName, Telemetry,
    event::{EventName, Phase},
    handler::AttachError,
};

use crate::memory::Memory;
use crate::report::{Queue, Report};

const ID: &str = "soak.books";

/// Counts as it goes.
#[derive(Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    started: BTreeMap<&'static str, u64>,
    ended: BTreeMap<(&'static str, &'static str), u64>,
    live: HashSet<String>,
    /// Ends without a start, second starts.
    odd: u64,
    retries: u64,
    failures: u64,
}

impl Books {
    pub(crate) fn open(telemetry: &Telemetry) -> Result<Self, AttachError> {
        let books = Self::default();
        let spans = SpanName::ALL.iter().flat_map(|span| span.events()).cloned();
        let others = ["allm.adapter.retry", "telemetry.handler.failure"];
        let others = others.map(|name| EventName::try_from(name).expect("names of the catalogue"));
        let pages = books.clone();
        telemetry.attach_many(ID, spans.chain(others), move |event: &Event<'_>| pages.write(event))?;
        Ok(books)
    }

    fn write(&self, event: &Event<'_>) {
        let mut pages = self.pages();
        let Some(span) = event.span() else {
            let of_retry = event.name().as_str() == "allm.adapter.retry";
            *(if of_retry { &mut pages.retries } else { &mut pages.failures }) += 1;
            return;
        };
        let id = event.span_id().map(|id| id.to_string()).expect("an event of a span");
        let odd = match (event.name() == &span.event(Phase::Start), event.outcome()) {
            (true, _) => {
                *pages.started.entry(span.as_str()).or_default() += 1;
                !pages.live.insert(id)
            }
            (false, Some(outcome)) => {
                *pages.ended.entry((span.as_str(), outcome.as_str())).or_default() += 1;
                !pages.live.remove(&id)
            }
            (false, None) => !pages.live.contains(&id),
        };
        pages.odd += u64::from(odd);
    }

    /// How many spans are open.
    pub(crate) fn live(&self) -> usize {
        self.pages().live.len()
    }

    pub(crate) fn close(
        self,
        telemetry: &Telemetry,
        queues: Vec<Queue>,
        memory: Memory,
        peak: usize,
        force_loss: bool,
    ) -> Report {
        telemetry.detach(ID).expect("it is attached to the end");
        let mut pages = self.pages();
        let Pages { started, ended, live, odd, retries, failures } = std::mem::take(&mut *pages);
        Report { started, ended, left: live.len(), odd, retries, failures, peak, queues, memory, force_loss }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
