use std::time::Duration;

use super::layout::write_note;
use super::live;
use super::paint::{Paint, Role};
use super::span::Span;
use super::store::Store;
use super::text::Time;
use super::told::{self, End};
use super::whole;
use crate::convention::policy::Policy;
use crate::event::{Event, EventName, Phase, SpanId};

/// Turns events into lines.
#[derive(Debug)]
pub(super) struct Trees {
    store: Store,
    policy: Policy,
    paint: Paint,
    /// The span that the last live line was about.
    last: Option<u64>,
}

impl Trees {
    pub(super) fn new(policy: Policy, paint: Paint, remembered: usize) -> Self {
        Self { store: Store::new(remembered), policy, paint, last: None }
    }

    /// Appends what an event has to show now.
    pub(super) fn see(&mut self, event: &Event<'_>, out: &mut String) {
        match (event.span_id().map(SpanId::to_u64), event.phase()) {
            (Some(id), Some(Phase::Start)) => self.start(id, event, out),
            (Some(id), Some(Phase::FirstChunk)) => self.first_chunk(id, event, out),
            (Some(id), Some(Phase::Stop | Phase::Exception)) => self.end(id, event, out),
            _ if *event.name() == EventName::RETRY => self.retry(event, out),
            _ => {}
        }
    }

    /// Appends what still runs and was held back, as far as it went.
    pub(super) fn finish(&mut self, out: &mut String) {
        let requests: Vec<u64> = self.store.requests().collect();
        for request in requests {
            self.give_up(request, out);
        }
    }

    pub(super) fn tell_lost(&self, lost: u64, out: &mut String) {
        let events = if lost == 1 { "event was" } else { "events were" };
        let text = format!("! {lost} {events} lost: more happened than could be written");
        write_note(self.paint, "", Role::Notice, &text, out);
    }

    fn start(&mut self, id: u64, event: &Event<'_>, out: &mut String) {
        let around = event.parent_span_id().map(SpanId::to_u64);
        let parent = around.and_then(|id| Some((id, self.store.span(id)?)));
        let (parent, depth, known) = match parent {
            Some((parent, span)) => (Some(parent), span.depth + 1, Some(span.request)),
            None => (None, 0, self.store.find(&told::request_id(event))),
        };
        if self.store.is_full() && !self.make_room(known, out) {
            // Its end will be shown by itself.
            return;
        }
        let request = known.unwrap_or_else(|| self.begin(told::request_id(event), out));
        let mut span = Span::new(label(event, parent.is_none()), request, parent, depth);
        let input = told::input(event, &self.policy);
        input.iter().for_each(|input| span.note(Role::Plain, input.clone()));
        if let Some(request) = self.store.live_mut(request) {
            live::start(&span, request, self.paint, out);
            input.iter().for_each(|input| live::note(&span, Role::Plain, input, self.paint, out));
            self.last = Some(id);
        }
        self.store.add(id, span);
    }

    fn begin(&mut self, id: String, out: &mut String) -> u64 {
        let (place, was_live) = self.store.begin(id);
        if was_live {
            let text = "┊ requests overlap: each is shown whole when it ends";
            write_note(self.paint, "", Role::Faint, text, out);
        }
        place
    }

    fn first_chunk(&mut self, id: u64, event: &Event<'_>, out: &mut String) {
        let time = event.measurement("time_to_first_chunk").and_then(|time| time.as_u64());
        if let Some(time) = time.map(Duration::from_nanos) {
            self.note(id, Role::Faint, &format!("first chunk after {}", Time(time)), out);
        }
    }

    /// Shows a line inside a span that is live, and says which one if that is not plain to see.
    fn note(&mut self, id: u64, role: Role, text: &str, out: &mut String) {
        let Some(span) = self.store.span(id).filter(|span| self.store.is_live(span.request)) else { return };
        if self.last.replace(id) == Some(id) {
            live::note(span, role, text, self.paint, out);
        } else {
            live::note(span, role, &format!("{}: {text}", span.label), self.paint, out);
        }
    }

    fn retry(&mut self, event: &Event<'_>, out: &mut String) {
        let text = told::retry(event, &self.policy);
        let id = event.metadata("span_id").and_then(|id| u64::from_str_radix(id.as_str()?, 16).ok());
        let Some(id) = id.filter(|id| self.store.span(*id).is_some()) else {
            return write_note(self.paint, "", Role::Notice, &text, out);
        };
        self.note(id, Role::Notice, &text, out);
        self.store.span_mut(id).into_iter().for_each(|span| span.note(Role::Notice, text.clone()));
    }

    fn end(&mut self, id: u64, event: &Event<'_>, out: &mut String) {
        let end = End::of(event, &self.policy);
        let Some(span) = self.store.span_mut(id) else {
            let mut span = Span::new(label(event, true), 0, None, 0);
            span.end = end;
            return whole::single(&span, &told::request_id(event), self.paint, out);
        };
        span.end = end;
        let (request, is_root) = (span.request, span.parent.is_none());
        if self.store.is_live(request) {
            let width = self.store.request(request).map_or(0, |request| request.width);
            self.store.span(id).into_iter().for_each(|span| live::end(span, width, self.paint, out));
            self.last = None;
        } else if is_root {
            self.print(request, id, out);
        }
        if is_root {
            self.store.forget(id);
        }
    }

    /// Gives up the oldest request that is not this one; says whether there was one.
    fn make_room(&mut self, request: Option<u64>, out: &mut String) -> bool {
        let oldest = self.store.oldest_but(request);
        oldest.into_iter().for_each(|oldest| self.give_up(oldest, out));
        oldest.is_some()
    }

    /// Shows a request as far as it went, unless its lines are shown already, and forgets it.
    fn give_up(&mut self, request: u64, out: &mut String) {
        let roots = self.store.request(request).map_or_else(Vec::new, |request| request.roots.clone());
        for root in roots {
            if !self.store.is_live(request) {
                self.print(request, root, out);
            }
            self.store.forget(root);
        }
    }

    fn print(&self, request: u64, root: u64, out: &mut String) {
        let request_id = self.store.request(request).map_or("", |request| &request.id);
        whole::tree(&self.store, root, request_id, self.paint, out);
    }
}

/// A span's label; one that stands outermost here, and is not, says so.
fn label(event: &Event<'_>, outermost: bool) -> String {
    let label = told::label(event);
    if outermost && event.parent_span_id().is_some() { format!("… {label}") } else { label }
}
