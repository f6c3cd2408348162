use tracing::Dispatch;
use tracing::span::{Attributes, Record};

use super::callsite::DynamicCallsite;
use super::callsites::{Callsites, DESCRIPTION, EXCEPTION, KIND, MESSAGE, NAME, STATUS, USER};
use super::current::Current;
use super::scoped_dispatch::ScopedDispatch;
use super::state::State;
use super::subscriber_span::SubscriberSpan;
use super::values::Values;
use crate::convention::{Convention, SpanKind};
use crate::event::json::Object;
use crate::event::{Content, Event, Outcome};
use crate::registry::Listener;

/// The listener that is attached.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) convention: Convention,
    pub(super) callsites: Callsites,
}

impl Listener for Bridge {
    type Built = Current;
    type State = State;

    fn content(&self) -> Content {
        self.convention.allowed_content()
    }

    fn wants_around(&self) -> bool {
        true
    }

    fn on_build(&self) -> Current {
        Current::get()
    }

    fn on_start(&self, event: &Event<'_>, built: Current, _: Option<&State>) -> State {
        let Current { dispatch: Some(scope), span: parent } = built.at_start() else {
            return State::default();
        };
        let opened = event.span().and_then(|name| {
            let callsite = self.callsites.span(name);
            let open = |dispatch: &Dispatch| self.open(event, callsite, dispatch, &scope, parent.as_ref());
            Some((scope.run(open)?, callsite))
        });
        State::new(scope, opened)
    }

    fn on_event(&self, state: &State, event: &Event<'_>) {
        let Some(span) = state.span() else { return };
        let values = Values::new(self.callsites.event(event.span()));
        span.scope().run(|dispatch| {
            values.record_event(dispatch, span.id(), |values| {
                values.text(MESSAGE, event.name().as_str());
                self.convention.event_attributes(event, |key, value| values.push(key, value));
            });
        });
    }

    fn on_end(&self, state: &State, event: &Event<'_>) {
        let Some((span, callsite)) = state.end() else { return };
        let mut values = Values::new(callsite);
        self.convention.end_attributes(event, |key, value| values.push(key, value));
        self.push_user_keys(event, &mut values);
        if self.convention.error_type(event).is_some() {
            values.text(STATUS, "ERROR");
            if let Some(text) = self.convention.error_text(event) {
                values.text(DESCRIPTION, text);
            }
        }
        span.scope().run(|dispatch| {
            // Entered once more, because tracing-opentelemetry uses the time of the last exit as the end of a span.
            span.enter(dispatch, || {
                values.visit(|set| dispatch.record(span.id(), &Record::new(set)));
                self.record_panic(event, &span, dispatch);
            });
        });
    }

    fn around(&self, state: &State, ended: bool, poll: &mut dyn FnMut()) {
        let Some(scope) = state.scope() else { return poll() };
        let span = if ended { None } else { state.span() };
        scope.run(|dispatch| match &span {
            Some(span) => span.enter(dispatch, poll),
            None => poll(),
        });
    }
}

impl Bridge {
    /// Opens the span, if the subscriber enables it.
    fn open(
        &self,
        event: &Event<'_>,
        callsite: &'static DynamicCallsite,
        dispatch: &Dispatch,
        scope: &ScopedDispatch,
        parent: Option<&SubscriberSpan>,
    ) -> Option<SubscriberSpan> {
        if !callsite.is_enabled(dispatch) {
            return None;
        }
        let mut values = Values::new(callsite);
        values.text(NAME, self.convention.span_name(event));
        let kind = match self.convention.kind(event.span()?) {
            SpanKind::Client => "client",
            SpanKind::Internal => "internal",
        };
        values.text(KIND, kind);
        self.convention.start_attributes(event, |key, value| values.push(key, value));
        self.push_user_keys(event, &mut values);
        let mut opened: Option<SubscriberSpan> = None;
        values.visit(|set| match &opened {
            Some(span) => dispatch.record(span.id(), &Record::new(set)),
            None => {
                let attributes = match parent {
                    Some(parent) => Attributes::child_of(parent.id().clone(), callsite.metadata(), set),
                    // The parent is the subscriber's current span, if it has one.
                    None => Attributes::new(callsite.metadata(), set),
                };
                opened = Some(SubscriberSpan::new(scope.clone(), dispatch.new_span(&attributes)));
            }
        });
        opened
    }

    /// Adds the user-defined keys that the policy allows. Those that have no field are combined in one.
    fn push_user_keys<'a>(&self, event: &Event<'a>, values: &mut Values<'a>) {
        let (named, mut is_any_unnamed) = (self.convention.user_keys(), false);
        self.convention.user_attributes(event, |key, value| {
            if named.contains(key) {
                values.push(key, value);
            } else {
                is_any_unnamed = true;
            }
        });
        if is_any_unnamed {
            // All of them, at the end too: a field that is recorded again may replace its first value.
            let mut text = String::new();
            let mut object = Object::begin(&mut text);
            for entry in event.metadata_entries().chain(event.measurements()) {
                let is_unnamed = entry.from_user && !named.iter().any(|key| key == entry.key);
                if let Some(outgoing) = self.convention.outgoing(&entry).filter(|_| is_unnamed) {
                    object.field(entry.key, outgoing.value());
                }
            }
            object.end();
            values.text(USER, text);
        }
    }

    fn record_panic(&self, event: &Event<'_>, span: &SubscriberSpan, dispatch: &Dispatch) {
        if event.outcome() != Some(Outcome::Panicked) {
            return;
        }
        Values::new(self.callsites.exception()).record_event(dispatch, span.id(), |values| {
            values.text(MESSAGE, EXCEPTION);
            self.convention.exception_attributes(event, |key, value| values.push(key, value));
        });
    }
}
