use std::borrow::Cow;
use std::sync::Arc;

use super::attribute::Attribute;
use super::cardinality::{Bounded, CardinalityLimiter};
use super::instrument::{Instrument, bound_cow};
use super::own;
use super::policy::Policy;
use super::profile::Profile;
use super::reading::Reading;
use super::rule::{Row, Rule, SpanKind, Subject, Vocabulary};
use super::taker::Taker;
use crate::event::{Content, Entry, Event, SpanName};

/// What a bridge to a system of traces or metrics says: which conventions, what may leave, how many values a name has.
///
/// It maps events to names and attributes, purely: for the bridges of this crate, and for one of your own on a
/// [`Listener`](crate::Listener). Clones share what they have seen: give one to several bridges, and a value is
/// `_OTHER` in all of them or in none.
///
/// # Cardinality
///
/// Models, tools, agents, providers and error classes are named by users, models and vendors, so there may be any
/// number of them. In names of spans, in labels of metrics and in `error.type`, the first 64 values of each key stand as
/// they are (if they have at most 256 bytes); the rest is `_OTHER`, and [counted](Convention::overflow_count). The attributes of
/// spans keep what was said.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{Event, Listener, convention::Convention};
///
/// /// Prints spans as a tracing system would see them.
/// struct Printer(Convention);
///
/// impl Listener for Printer {
///     type Built = ();
///     type State = String;
///     fn on_build(&self) {}
///     fn on_start(&self, event: &Event<'_>, _: (), _: Option<&String>) -> String {
///         self.0.span_name(event).into_owned()
///     }
///     fn on_end(&self, name: &String, event: &Event<'_>) {
///         println!("{name}: {:?}", event.duration());
///         self.0.end_attributes(event, &mut |key, value| println!("  {key} = {value}"));
///     }
/// }
///
/// allm_telemetry::listen("printer", Printer(Convention::new()))?;
/// # allm_telemetry::detach("printer").unwrap();
/// # Ok::<(), allm_telemetry::handler::AttachError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until a bridge has it"]
pub struct Convention {
    profiles: Vec<Profile>,
    policy: Policy,
    pub(super) guard: Arc<CardinalityLimiter>,
    /// Whether spans carry their tokens.
    usage: bool,
}

impl Convention {
    /// All profiles, no content, none of your own keys, 64 values a key.
    pub fn new() -> Self {
        Self {
            profiles: Profile::ALL.to_vec(),
            policy: Policy::new(),
            guard: Arc::new(CardinalityLimiter::new(CardinalityLimiter::DEFAULT, [])),
            usage: true,
        }
    }

    /// Only these profiles. The attributes named `allm.…` and `error.type` are sent with any.
    pub fn profiles(mut self, profiles: impl IntoIterator<Item = Profile>) -> Self {
        let wanted: Vec<Profile> = profiles.into_iter().collect();
        self.profiles = Profile::ALL.into_iter().filter(|profile| wanted.contains(profile)).collect();
        self
    }

    /// What may leave: your own keys by name, and content.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// How many values a key may have before the rest becomes `_OTHER`: 64 if not set, at most 4,096.
    pub fn max_values(mut self, values: usize) -> Self {
        self.guard = Arc::new(CardinalityLimiter::new(values, self.guard.labels().cloned()));
        self
    }

    /// Makes these keys of your own labels of metrics, of as many values as every other. Metrics have none of your keys
    /// else, whatever the [policy](Self::policy) says: each value is a time series for good.
    pub fn labels<K: Into<Cow<'static, str>>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        let labels = self.guard.labels().cloned().chain(keys.into_iter().map(Into::into));
        self.guard = Arc::new(CardinalityLimiter::new(self.guard.most(), labels.collect::<Vec<_>>()));
        self
    }

    /// Leaves tokens out of the attributes of spans: for one of two exporters that send to the same backend, which would
    /// count them twice. Metrics keep them.
    pub fn without_usage(self) -> Self {
        Self { usage: false, ..self }
    }

    /// How often a value became `_OTHER`, here and in every clone.
    #[must_use]
    pub fn overflow_count(&self) -> u64 {
        self.guard.overflow_count()
    }

    /// Which content it lets out: what [`Listener::content`](crate::Listener::content) has to say.
    #[must_use]
    pub fn allowed_content(&self) -> Content {
        self.policy.allowed_content()
    }

    /// What a span is to a tracing system.
    #[must_use]
    pub fn kind(&self, span: SpanName) -> SpanKind {
        self.vocabulary().named(span).kind
    }

    /// Every attribute that spans of this name can have, but for your own keys and content that is not let out.
    pub fn rules(&self, span: SpanName) -> impl Iterator<Item = &'static Rule> {
        let allowed_content = self.allowed_content();
        self.rows(span)
            .flat_map(Row::rules)
            .filter(move |rule| rule.content() == Content::NONE || allowed_content.intersects(rule.content()))
    }

    /// The keys of your own that the policy names.
    #[must_use]
    pub fn user_keys(&self) -> &[Cow<'static, str>] {
        self.policy.named()
    }

    /// What the event's span is called: the operation and what it is about, `chat gpt-5`. Empty if it is no span's.
    #[must_use]
    pub fn span_name<'a>(&self, event: &Event<'a>) -> Cow<'a, str> {
        let Some(reading) = self.read(event) else { return Cow::default() };
        let named = reading.named();
        let bounded = |subject: Subject| {
            let key = match subject {
                Subject::Model => Bounded::Model,
                Subject::Agent => Bounded::Agent,
                Subject::Tool => Bounded::Tool,
                Subject::DataSource => Bounded::DataSource,
            };
            Some(bound_cow(&self.guard, key, reading.subject(subject)?))
        };
        match named.subject.and_then(bounded).filter(|subject| !subject.is_empty()) {
            None => named.operation.into(),
            Some(subject) => [named.operation, " ", &subject].concat().into(),
        }
    }

    /// The attributes that are known at a span's start.
    pub fn start_attributes<'a>(
        &self,
        event: &Event<'a>,
        each: &mut (impl FnMut(Cow<'static, str>, Attribute<'a>) + ?Sized),
    ) {
        self.tell_start(event, each);
    }

    /// The attributes that are known at a span's end; none that [`start_attributes`](Self::start_attributes) has given,
    /// but for a key of your own whose value has changed.
    ///
    /// Tokens are given only if this span [counts them](Event::counts_usage), so that a backend counts them once.
    pub fn end_attributes<'a>(
        &self,
        event: &Event<'a>,
        each: &mut (impl FnMut(Cow<'static, str>, Attribute<'a>) + ?Sized),
    ) {
        self.tell_end(event, each);
    }

    /// [`start_attributes`](Self::start_attributes) for a bridge of this crate.
    #[inline]
    pub(crate) fn tell_start<'a>(&self, event: &Event<'a>, each: &mut (impl Taker<'a> + ?Sized)) {
        let Some(reading) = self.read(event) else { return };
        for row in self.rows(reading.start.name) {
            reading.each_of_start(row, each);
        }
        reading.each_of_the_user(event, each);
    }

    /// [`end_attributes`](Self::end_attributes) for a bridge of this crate.
    #[inline]
    pub(crate) fn tell_end<'a>(&self, event: &Event<'a>, each: &mut (impl Taker<'a> + ?Sized)) {
        let usage = self.usage && event.counts_usage();
        let Some(reading) = self.read(event).filter(|reading| reading.end.is_some()) else { return };
        for row in self.rows(reading.start.name) {
            reading.each_of_end(row, usage, each);
        }
        reading.each_of_the_user(event, each);
    }

    fn rows(&self, span: SpanName) -> impl Iterator<Item = &'static Row> {
        self.profiles.iter().map(move |profile| profile.table().row(span)).chain([own::row(span)])
    }

    /// The class of the error, exactly if the span's outcome is `error` or `panicked`: what makes a span an error.
    #[must_use]
    pub fn error_type<'a>(&self, event: &Event<'a>) -> Option<&'a str> {
        self.read(event)?.error_type()
    }

    /// The text of an error, a panic or a retry's reason, as far as the policy lets it out.
    #[must_use]
    pub fn error_text<'a>(&self, event: &Event<'a>) -> Option<Cow<'a, str>> {
        let text = |key| Some((key, event.metadata(key).filter(|text| !text.is_null())?));
        let (key, value) = text("error").or_else(|| text("reason"))?;
        match Attribute::leaving(self.policy.apply(&Entry::standard(key, value))?)? {
            Attribute::Text(text) => Some(text),
            other => Some(other.to_string().into()),
        }
    }

    /// The attributes of what happened inside a span: a retry or the first chunk. The event's own name is its name.
    pub fn note_attributes<'a>(&self, event: &Event<'a>, each: &mut dyn FnMut(&'static str, Attribute<'a>)) {
        if event.span().is_some() {
            if let Some(time) = event.measurement("time_to_first_chunk").and_then(|it| it.as_u64()) {
                each("allm.time_to_first_chunk", Attribute::seconds(time));
            }
            return;
        }
        if let Some(attempt) = event.metadata("attempt").and_then(Attribute::of) {
            each("allm.attempt", attempt);
        }
        if let Some(delay) = event.metadata("delay_ms").and_then(|it| it.as_u64()) {
            each("allm.delay", Attribute::seconds(delay.saturating_mul(1_000_000)));
        }
        if let Some(class) = event.metadata("error_type").and_then(|it| it.as_str()) {
            each("allm.error_type", Attribute::text(self.guard.bound(Bounded::ErrorType, class)));
        }
        if let Some(reason) = self.error_text(event) {
            each("allm.reason", Attribute::Text(reason));
        }
    }

    /// The attributes of the `exception` event of a span that panicked; of no other.
    pub fn exception_attributes<'a>(
        &self,
        event: &Event<'a>,
        each: &mut dyn FnMut(&'static str, Attribute<'a>),
    ) {
        let panic = event.metadata("kind").and_then(|kind| kind.as_str()) == Some("panic");
        let Some(class) = self.error_type(event).filter(|_| panic) else { return };
        each("exception.type", Attribute::text(class));
        if let Some(stacktrace) = event.metadata("stacktrace").and_then(|it| it.as_str()) {
            each("exception.stacktrace", Attribute::text(stacktrace));
        }
        if let Some(message) = self.error_text(event) {
            each("exception.message", Attribute::Text(message));
        }
    }

    /// What is measured of spans.
    #[must_use]
    pub fn instruments(&self) -> &'static [Instrument] {
        self.vocabulary().instruments
    }

    pub(super) fn read<'a>(&self, event: &Event<'a>) -> Option<Reading<'a, '_>> {
        Reading::of(event, &self.guard, &self.policy, |start| self.vocabulary().named(start.name))
    }

    fn vocabulary(&self) -> &'static Vocabulary {
        self.profiles.first().unwrap_or(&Profile::Otel1_41).table().vocabulary
    }
}

impl Default for Convention {
    fn default() -> Self {
        Self::new()
    }
}
