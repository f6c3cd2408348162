use tracing::Dispatch;
use tracing::span::{Attributes, Record};

use super::handle::Handle;
use super::live::{Live, State};
use super::place::Place;
use super::scoped_dispatch::ScopedDispatch;
use super::site::Site;
use super::sites::{DESCRIPTION, EXCEPTION, KIND, MESSAGE, NAME, STATUS, Sites};
use super::values::Values;
use crate::convention::{Convention, SpanKind};
use crate::event::{Content, Event, Outcome};
use crate::registry::Listener;

/// What is attached.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) convention: Convention,
    pub(super) sites: Sites,
}

impl Listener for Bridge {
    type Built = Place;
    type State = State;

    fn content(&self) -> Content {
        self.convention.allowed_content()
    }

    fn wants_around(&self) -> bool {
        true
    }

    fn on_build(&self) -> Place {
        Place::here()
    }

    fn on_start(&self, event: &Event<'_>, built: Place, _: Option<&State>) -> State {
        let place = built.settle();
        let (Some(scoped_dispatch), Some(span)) = (&place.scoped_dispatch, event.span()) else {
            return State::new(place.scoped_dispatch, None);
        };
        let site = self.sites.span(span);
        let handle = scoped_dispatch
            .run(|dispatch| self.open(event, site, dispatch, scoped_dispatch, place.current.as_ref()));
        State::new(place.scoped_dispatch, handle.map(|handle| Live { handle, site }))
    }

    fn on_event(&self, state: &State, event: &Event<'_>) {
        let Some(live) = state.live() else { return };
        let values = Values::new(self.sites.note(event.span()));
        live.handle.scoped_dispatch().run(|dispatch| {
            values.tell(dispatch, live.handle.id(), |values| {
                values.text(MESSAGE, event.name().as_str());
                self.convention.event_attributes(event, |key, value| values.push(key, value));
            });
        });
    }

    fn on_end(&self, state: &State, event: &Event<'_>) {
        let Some(live) = state.end() else { return };
        let mut values = Values::new(live.site);
        self.convention.end_attributes(event, |key, value| values.push(key, value));
        self.convention.user_attributes(event, |key, value| values.push(key, value));
        if self.convention.error_type(event).is_some() {
            values.text(STATUS, "ERROR");
            if let Some(text) = self.convention.error_text(event) {
                values.text(DESCRIPTION, text);
            }
        }
        live.handle.scoped_dispatch().run(|dispatch| {
            // Once more inside: tracing-opentelemetry takes the last time that a span is left for its end.
            live.handle.enter(dispatch, || {
                live.record(dispatch, &values);
                self.tell_panic(event, &live, dispatch);
            });
        });
    }

    fn around(&self, state: &State, ended: bool, poll: &mut dyn FnMut()) {
        let Some(scoped_dispatch) = &state.scoped_dispatch else { return poll() };
        let live = if ended { None } else { state.live() };
        scoped_dispatch.run(|dispatch| match &live {
            Some(live) => live.handle.enter(dispatch, poll),
            None => poll(),
        });
    }
}

impl Bridge {
    /// Opens the span, if the subscriber wants it.
    fn open(
        &self,
        event: &Event<'_>,
        site: &'static Site,
        dispatch: &Dispatch,
        scoped_dispatch: &ScopedDispatch,
        parent: Option<&Handle>,
    ) -> Option<Handle> {
        if !site.is_enabled(dispatch) {
            return None;
        }
        let mut values = Values::new(site);
        values.text(NAME, self.convention.span_name(event));
        values.text(
            KIND,
            match self.convention.kind(event.span()?) {
                SpanKind::Client => "client",
                SpanKind::Internal => "internal",
            },
        );
        self.convention.start_attributes(event, |key, value| values.push(key, value));
        self.convention.user_attributes(event, |key, value| values.push(key, value));
        let mut opened: Option<Handle> = None;
        values.give(|set| match &opened {
            Some(handle) => dispatch.record(handle.id(), &Record::new(set)),
            None => {
                let attributes = match parent {
                    Some(parent) => Attributes::child_of(parent.id().clone(), site.metadata(), set),
                    // The one that is current here, if the subscriber knows of one.
                    None => Attributes::new(site.metadata(), set),
                };
                opened = Some(Handle::new(scoped_dispatch.clone(), dispatch.new_span(&attributes)));
            }
        });
        opened
    }

    fn tell_panic(&self, event: &Event<'_>, live: &Live, dispatch: &Dispatch) {
        if event.outcome() != Some(Outcome::Panicked) {
            return;
        }
        let mut attributes = Vec::new();
        self.convention.exception_attributes(event, |key, value| attributes.push((key, value)));
        if !attributes.is_empty() {
            Values::new(self.sites.exception()).tell(dispatch, live.handle.id(), |values| {
                values.text(MESSAGE, EXCEPTION);
                attributes.into_iter().for_each(|(key, value)| values.push(key, value));
            });
        }
    }
}
