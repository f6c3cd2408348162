use std::io;
use std::mem;
use std::time::Duration;

use super::output::{MAX_DEPTH, Output, column, label_width};
use super::render::{self, End};
use super::requests::Requests;
use super::role::Role;
use super::span::Span;
use super::text::Time;
use super::tree;
use crate::convention::policy::Policy;
use crate::event::{Event, EventName, Phase, SpanId};
use crate::registry::Sink;

/// Turns events into lines. Only the sink's thread writes to the terminal, so a slow terminal delays no task.
pub(super) struct Renderer {
    running: Requests,
    /// How many spans of running requests are kept.
    max_spans: usize,
    policy: Policy,
    out: Output,
    /// The span that the last live line was about.
    last: Option<SpanId>,
    /// How many lost events were reported.
    reported_lost: u64,
}

impl Sink for Renderer {
    fn take(&mut self, event: &Event<'_>) {
        match (event.span_id(), event.phase()) {
            (Some(id), Some(Phase::Start)) => self.start(id, event),
            (Some(id), Some(Phase::FirstChunk)) => self.first_chunk(id, event),
            (Some(id), Some(Phase::Stop | Phase::Exception)) => self.end(id, event),
            _ if *event.name() == EventName::RETRY => self.retry(event),
            _ => {}
        }
    }

    fn is_full(&self) -> bool {
        self.out.is_full()
    }

    fn write(&mut self, lost: u64) -> io::Result<()> {
        let more = lost - mem::replace(&mut self.reported_lost, lost);
        if more > 0 {
            let events = if more == 1 { "event was" } else { "events were" };
            let text = format!("! {more} {events} lost: more happened than could be written");
            self.out.note("", Role::Notice, &text);
        }
        self.out.write()
    }

    /// Prints the requests that are still running, as far as they went.
    fn finish(&mut self) {
        let numbers: Vec<u64> = self.running.requests.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.evict(number));
    }
}

impl Renderer {
    pub(super) fn new(policy: Policy, out: Output, max_spans: usize) -> Self {
        let (running, max_spans) = (Requests::default(), max_spans.max(1));
        Self { running, max_spans, policy, out, last: None, reported_lost: 0 }
    }

    fn start(&mut self, id: SpanId, event: &Event<'_>) {
        let parent = event.parent_span_id().filter(|parent| self.running.spans.contains_key(parent));
        let (depth, known) = match parent.and_then(|parent| self.running.spans.get(&parent)) {
            Some(parent) => (parent.depth + 1, Some(parent.request)),
            None => (0, self.running.find(&render::request_id(event))),
        };
        if self.running.spans.len() >= self.max_spans {
            let oldest = self.running.requests.keys().copied().find(|number| Some(*number) != known);
            // If there is no other request, the end of this span will be printed as a single line.
            let Some(oldest) = oldest else { return };
            self.evict(oldest);
        }
        let number = known.unwrap_or_else(|| {
            let (number, was_live) = self.running.begin(render::request_id(event));
            if was_live {
                self.out.note("", Role::Faint, "┊ requests overlap: each is shown whole when it ends");
            }
            number
        });
        let span = Span::new(label(event, parent.is_none()), number, parent, depth);
        let is_live = self.running.live == Some(number);
        if let Some(request) = self.running.requests.get_mut(&number).filter(|_| is_live) {
            let rails = rails(depth) + "┌ ";
            // From here on, the columns of its request are to the right of its label too.
            request.width = column([request.width, label_width(&rails, &span.label)]);
            self.out.start(&rails, &span, request.width, if parent.is_none() { &request.id } else { "" });
            self.last = Some(id);
        }
        self.running.add(id, span);
        let input = render::input(event, &self.policy);
        input.into_iter().for_each(|input| self.keep_note(id, Role::Plain, input));
    }

    fn first_chunk(&mut self, id: SpanId, event: &Event<'_>) {
        let time = event.measurement("time_to_first_chunk").and_then(|time| time.as_u64());
        if let Some(time) = time.map(Duration::from_nanos) {
            self.note(id, Role::Faint, &format!("first chunk after {}", Time(time)));
        }
    }

    fn retry(&mut self, event: &Event<'_>) {
        let text = render::retry(event, &self.policy);
        match event.span_id().filter(|id| self.running.spans.contains_key(id)) {
            Some(id) => self.keep_note(id, Role::Notice, text),
            None => self.out.note("", Role::Notice, &text),
        }
    }

    /// Adds a line inside a span, now if the span is live, and to its tree.
    fn keep_note(&mut self, id: SpanId, role: Role, text: String) {
        self.note(id, role, &text);
        if let Some(span) = self.running.spans.get_mut(&id) {
            span.note(role, text);
        }
    }

    /// Adds a line inside a span that is live, with its label if the line before was about another span.
    fn note(&mut self, id: SpanId, role: Role, text: &str) {
        let live = self.running.live;
        let Some(span) = self.running.spans.get(&id).filter(|span| live == Some(span.request)) else {
            return;
        };
        let rails = rails(span.depth + 1);
        if self.last.replace(id) == Some(id) {
            self.out.note(&rails, role, text);
        } else {
            self.out.note(&rails, role, &format!("{}: {text}", span.label));
        }
    }

    fn end(&mut self, id: SpanId, event: &Event<'_>) {
        let end = End::of(event, &self.policy);
        let Requests { spans, requests, live } = &mut self.running;
        let Some(span) = spans.get_mut(&id) else {
            // Its start was not seen, or there were too many spans.
            let mut span = Span::new(label(event, true), 0, None, 0);
            span.end = end;
            return tree::print(&span, spans, &render::request_id(event), &mut self.out);
        };
        span.end = end;
        let (number, is_root) = (span.request, span.parent.is_none());
        let (Some(span), Some(request)) = (spans.get(&id), requests.get(&number)) else { return };
        if *live == Some(number) {
            // The content of its end is above its line, like everything inside it.
            for text in span.end.iter().flat_map(|end| &end.texts) {
                self.out.note(&rails(span.depth + 1), Role::Plain, text);
            }
            self.out.end(&(rails(span.depth) + "└ "), span, request.width, "");
            self.last = None;
        } else if is_root {
            tree::print(span, spans, &request.id, &mut self.out);
        }
        if is_root {
            self.running.remove(id);
        }
    }

    /// Removes a request, and prints it as far as it went unless its lines were printed live.
    fn evict(&mut self, number: u64) {
        let Some(request) = self.running.requests.get(&number) else { return };
        let (roots, spans) = (request.roots.clone(), &self.running.spans);
        if self.running.live != Some(number) {
            for root in roots.iter().filter_map(|root| spans.get(root)) {
                tree::print(root, spans, &request.id, &mut self.out);
            }
        }
        roots.into_iter().for_each(|root| self.running.remove(root));
    }
}

/// A span's label. It begins with `…` if the span has a parent that was not seen.
fn label(event: &Event<'_>, outermost: bool) -> String {
    let label = render::label(event);
    if outermost && event.parent_span_id().is_some() { format!("… {label}") } else { label }
}

/// The rails of the lines that are printed as they happen.
fn rails(depth: usize) -> String {
    "│ ".repeat(depth.min(MAX_DEPTH))
}
