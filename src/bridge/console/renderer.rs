use std::time::Duration;

use super::layout::write_note;
use super::live;
use super::paint::{Paint, Role};
use super::render::{self, End};
use super::requests::Requests;
use super::span::Span;
use super::text::Time;
use super::tree;
use crate::convention::policy::Policy;
use crate::event::{Event, EventName, Phase, SpanId};

/// Turns events into lines.
#[derive(Debug)]
pub(super) struct Renderer {
    requests: Requests,
    policy: Policy,
    paint: Paint,
    /// The span that the last live line was about.
    last: Option<u64>,
}

impl Renderer {
    pub(super) fn new(policy: Policy, paint: Paint, remembered: usize) -> Self {
        Self { requests: Requests::new(remembered), policy, paint, last: None }
    }

    /// Appends the lines that an event causes.
    pub(super) fn render(&mut self, event: &Event<'_>, out: &mut String) {
        match (event.span_id().map(SpanId::to_u64), event.phase()) {
            (Some(id), Some(Phase::Start)) => self.start(id, event, out),
            (Some(id), Some(Phase::FirstChunk)) => self.first_chunk(id, event, out),
            (Some(id), Some(Phase::Stop | Phase::Exception)) => self.end(id, event, out),
            _ if *event.name() == EventName::RETRY => self.retry(event, out),
            _ => {}
        }
    }

    /// Appends the requests that are still running and were not printed live, as far as they went.
    pub(super) fn finish(&mut self, out: &mut String) {
        let requests: Vec<u64> = self.requests.numbers().collect();
        for request in requests {
            self.evict(request, out);
        }
    }

    pub(super) fn report_lost(&self, lost: u64, out: &mut String) {
        let events = if lost == 1 { "event was" } else { "events were" };
        let text = format!("! {lost} {events} lost: more happened than could be written");
        write_note(self.paint, "", Role::Notice, &text, out);
    }

    fn start(&mut self, id: u64, event: &Event<'_>, out: &mut String) {
        let around = event.parent_span_id().map(SpanId::to_u64);
        let parent = around.and_then(|id| Some((id, self.requests.span(id)?)));
        let (parent, depth, known) = match parent {
            Some((parent, span)) => (Some(parent), span.depth + 1, Some(span.request)),
            None => (None, 0, self.requests.find(&render::request_id(event))),
        };
        if self.requests.is_full() && !self.evict_oldest(known, out) {
            // Its end will be printed as a single line.
            return;
        }
        let request = known.unwrap_or_else(|| self.begin(render::request_id(event), out));
        let mut span = Span::new(label(event, parent.is_none()), request, parent, depth);
        let input = render::input(event, &self.policy);
        input.iter().for_each(|input| span.note(Role::Plain, input.clone()));
        if let Some(request) = self.requests.live_mut(request) {
            live::start(&span, request, self.paint, out);
            input.iter().for_each(|input| live::note(&span, Role::Plain, input, self.paint, out));
            self.last = Some(id);
        }
        self.requests.add(id, span);
    }

    fn begin(&mut self, id: String, out: &mut String) -> u64 {
        let (number, was_live) = self.requests.begin(id);
        if was_live {
            let text = "┊ requests overlap: each is shown whole when it ends";
            write_note(self.paint, "", Role::Faint, text, out);
        }
        number
    }

    fn first_chunk(&mut self, id: u64, event: &Event<'_>, out: &mut String) {
        let time = event.measurement("time_to_first_chunk").and_then(|time| time.as_u64());
        if let Some(time) = time.map(Duration::from_nanos) {
            self.note(id, Role::Faint, &format!("first chunk after {}", Time(time)), out);
        }
    }

    /// Prints a line inside a span that is live, with its label if the line before was about another span.
    fn note(&mut self, id: u64, role: Role, text: &str, out: &mut String) {
        let Some(span) = self.requests.span(id).filter(|span| self.requests.is_live(span.request)) else {
            return;
        };
        if self.last.replace(id) == Some(id) {
            live::note(span, role, text, self.paint, out);
        } else {
            live::note(span, role, &format!("{}: {text}", span.label), self.paint, out);
        }
    }

    fn retry(&mut self, event: &Event<'_>, out: &mut String) {
        let text = render::retry(event, &self.policy);
        let id = event.metadata("span_id").and_then(|id| u64::from_str_radix(id.as_str()?, 16).ok());
        let Some(id) = id.filter(|id| self.requests.span(*id).is_some()) else {
            return write_note(self.paint, "", Role::Notice, &text, out);
        };
        self.note(id, Role::Notice, &text, out);
        self.requests.span_mut(id).into_iter().for_each(|span| span.note(Role::Notice, text.clone()));
    }

    fn end(&mut self, id: u64, event: &Event<'_>, out: &mut String) {
        let end = End::of(event, &self.policy);
        let Some(span) = self.requests.span_mut(id) else {
            let mut span = Span::new(label(event, true), 0, None, 0);
            span.end = end;
            return tree::single(&span, &render::request_id(event), self.paint, out);
        };
        span.end = end;
        let (request, is_root) = (span.request, span.parent.is_none());
        if self.requests.is_live(request) {
            let width = self.requests.request(request).map_or(0, |request| request.width);
            self.requests.span(id).into_iter().for_each(|span| live::end(span, width, self.paint, out));
            self.last = None;
        } else if is_root {
            self.print(request, id, out);
        }
        if is_root {
            self.requests.remove(id);
        }
    }

    /// Evicts the oldest request other than this one. Returns whether there was one.
    fn evict_oldest(&mut self, request: Option<u64>, out: &mut String) -> bool {
        let oldest = self.requests.oldest_except(request);
        oldest.into_iter().for_each(|oldest| self.evict(oldest, out));
        oldest.is_some()
    }

    /// Prints a request as far as it went, unless its lines were printed live, and removes it.
    fn evict(&mut self, request: u64, out: &mut String) {
        let roots = self.requests.request(request).map_or_else(Vec::new, |request| request.roots.clone());
        for root in roots {
            if !self.requests.is_live(request) {
                self.print(request, root, out);
            }
            self.requests.remove(root);
        }
    }

    fn print(&self, request: u64, root: u64, out: &mut String) {
        let request_id = self.requests.request(request).map_or("", |request| &request.id);
        tree::tree(&self.requests, root, request_id, self.paint, out);
    }
}

/// A span's label. It begins with `…` if the span has a parent that was not seen.
fn label(event: &Event<'_>, outermost: bool) -> String {
    let label = render::label(event);
    if outermost && event.parent_span_id().is_some() { format!("… {label}") } else { label }
}
