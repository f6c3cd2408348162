//! Who listens to what, in the model.

use allm_telemetry::{SpanName, event::Phase};

use super::Model;
use super::context::Ctx;
use crate::log::{Entry, Fact, Key, LOOK};
use crate::program::{Does, Events, FAILURE, OWN, RETRY};

/// A handler that is attached.
#[derive(Clone, Copy)]
pub(super) struct Attached {
    pub(super) handler: u8,
    /// Names this attachment: a handler that failed takes nobody else's place with it.
    pub(super) number: u64,
    pub(super) to: Events,
    pub(super) does: Does,
}

impl Attached {
    pub(super) fn is_listener(&self) -> bool {
        self.does == Does::Follows
    }

    /// Whether it is a handler of this event.
    fn handles(&self, event: &str) -> bool {
        !self.is_listener() && self.to.has(event)
    }

    fn touches(&self, name: SpanName) -> bool {
        if self.is_listener() { self.to.names_span(name) } else { self.to.touches(name) }
    }
}

/// An event on its way to the handlers.
#[derive(Default)]
pub(super) struct Emitted {
    pub(super) event: String,
    pub(super) node: Option<Key>,
    pub(super) parent: Option<Key>,
    pub(super) request: Option<String>,
    pub(super) at: Option<u64>,
    pub(super) facts: Vec<(&'static str, Fact)>,
}

impl Model {
    pub(super) fn attach(&mut self, handler: u8, to: Events, does: Does) {
        if self.handlers.iter().all(|attached| attached.handler != handler) {
            self.attached += 1;
            self.handlers.push(Attached { handler, number: self.attached, to, does });
        }
    }

    pub(super) fn detach(&mut self, handler: u8) {
        self.handlers.retain(|attached| attached.handler != handler);
    }

    /// Whether anybody is attached to an event of this span.
    pub(super) fn is_followed(&self, name: SpanName) -> bool {
        self.handlers.iter().any(|attached| attached.touches(name))
    }

    /// An error's text: told to whoever is attached to the span's stop by then. If nobody is, it may be left out.
    pub(super) fn text(&self, name: SpanName, text: &'static str) -> Fact {
        let stop = name.event(Phase::Stop);
        let asked = self.handlers.iter().any(|attached| attached.handles(stop.as_str()));
        if asked { text.into() } else { Fact::Any }
    }

    /// Calls all who are attached when the emission begins. no order among them is promised; the model follows the
    /// order in which they were attached, as the crate happens to do, so that whole logs can be compared.
    pub(super) fn emit(&mut self, here: Ctx, emitted: &Emitted) {
        let called: Vec<_> = self.handlers.iter().filter(|it| it.handles(&emitted.event)).copied().collect();
        for Attached { handler, number, does, .. } in called {
            self.log.push(Entry {
                on: self.on,
                by: handler,
                event: emitted.event.clone(),
                node: emitted.node,
                parent: emitted.parent,
                request: emitted.request.clone(),
                here: self.request(here),
                at: emitted.at,
                facts: emitted.facts.clone(),
            });
            match does {
                Does::Watches | Does::Follows => {}
                Does::Panics => {
                    let attached = self.handlers.len();
                    self.handlers.retain(|attached| attached.number != number);
                    // It may be called again by an emission that is under way; that is told once.
                    if self.handlers.len() < attached {
                        self.fail(here, &emitted.event, format!("h{handler}"), "handler");
                    }
                }
                Does::Attaches(other) => self.attach(other, Events::All, Does::Watches),
                Does::Detaches(other) => self.detach(other),
                Does::Emits if emitted.event == OWN[1] => {}
                Does::Emits => self.emit(here, &Emitted { event: OWN[1].to_owned(), ..Emitted::default() }),
            }
        }
    }

    /// `telemetry.handler.failure`: a handler or an observer panicked.
    pub(super) fn fail(&mut self, here: Ctx, event: &str, id: String, reason: &'static str) {
        let facts = vec![
            ("kind", "panic".into()),
            ("reason", reason.into()),
            ("event_name", Fact::Text(event.to_owned().into())),
            ("handler_id", Fact::Text(id.into())),
        ];
        self.emit(
            here,
            &Emitted { event: FAILURE.to_owned(), at: Some(self.nanos()), facts, ..Emitted::default() },
        );
    }

    /// An event of the program's own.
    pub(super) fn note(&mut self, node: Key, here: Ctx) {
        if self.is_ours(here) {
            self.emit(here, &Emitted { event: OWN[0].to_owned(), node: Some(node), ..Emitted::default() });
        }
    }

    pub(super) fn retry(&mut self, here: Ctx) {
        if let Some(place) = self.counting(here) {
            self.frames[place].retries += 1;
        }
        if !self.is_ours(here) {
            return;
        }
        // A text is made for those who may have it: handlers may, listeners must ask.
        let asked = self.handlers.iter().any(|attached| attached.handles(RETRY));
        let reason = if asked { "again".into() } else { Fact::Null };
        let facts = vec![("error_type", Fact::Null), ("reason", reason), ("attempt", Fact::Number(1))];
        let (node, request) = (self.parent(here), self.request(here));
        let at = Some(self.nanos());
        let emitted = Emitted { event: RETRY.to_owned(), node, request, at, facts, ..Emitted::default() };
        self.emit(here, &emitted);
        self.listeners_around(here, &emitted);
    }

    pub(super) fn look(&mut self, node: Key, here: Ctx) {
        let facts = self.who_is_around(here).into_iter().chain(self.baggage_facts(here)).collect();
        let here = self.request(here);
        self.log.push(Entry {
            on: self.on,
            by: LOOK,
            event: "look".to_owned(),
            node: Some(node),
            parent: None,
            request: None,
            here,
            at: None,
            facts,
        });
    }

    pub(super) fn nanos(&self) -> u64 {
        self.now * 1_000_000
    }
}
