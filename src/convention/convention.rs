use std::borrow::Cow;
use std::sync::Arc;

use super::attribute::Attribute;
use super::cardinality::{CardinalityLimiter, Dimension};
use super::common;
use super::instrument::{Instrument, InstrumentKind};
use super::name::SpanKind;
use super::policy::Policy;
use super::profile::Profile;
use super::rule::Rule;
use super::span_view::SpanView;
use crate::event::{Content, Data, Entry, Event, PhaseData, SpanName};

/// Determines how spans and metrics are exported: their names, the allowed content and keys, and how many values a key may
/// have.
///
/// Its [profiles](Profile) say what the attributes of a span are called, each by a list of [rules](Rule): a key, and what of the
/// event is its value.
///
/// It maps events to names and attributes, without I/O. It is used by the exporters of this crate, and can be used by your
/// own [`Listener`](crate::Listener). Clones share the set of known values: with one convention for several exporters, a value
/// is `_OTHER` in all of them or in none.
///
/// # Cardinality
///
/// Models, tools, agents, providers and error classes are named by users, models and vendors, so there may be any
/// number of them. In names of spans, in labels of metrics and in `error.type`, the first 64 values of each key are kept
/// (if they have at most 256 bytes); every later one becomes `_OTHER` and is [counted](Convention::overflow_count). The other
/// attributes of spans keep their values.
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
///         self.0.end_attributes(event, |key, value| println!("  {key} = {value}"));
///     }
/// }
///
/// allm_telemetry::listen("printer", Printer(Convention::new()))?;
/// # allm_telemetry::detach("printer").unwrap();
/// # Ok::<(), allm_telemetry::handler::AttachError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until an exporter uses it"]
pub struct Convention {
    profiles: Vec<Profile>,
    pub(super) policy: Policy,
    pub(super) limiter: Arc<CardinalityLimiter>,
    /// Whether spans have attributes for tokens and costs.
    usage: bool,
    /// The rules of the profiles and the common ones, for each span in the order of [`SpanName::ALL`].
    rules: Arc<[SpanRules]>,
    /// The instruments of the profile, followed by those that the user declared.
    instruments: Arc<[Instrument]>,
    declared: Vec<Instrument>,
}

/// The rules whose values are known at the start of a span, and the others.
#[derive(Debug)]
struct SpanRules {
    start: Vec<Rule>,
    end: Vec<Rule>,
}

impl Convention {
    /// Creates a convention with the profiles `otel-1.41` and `openinference`, no content, no user-defined keys, and 64 values
    /// for each key.
    ///
    /// Until [`profiles`](Self::profiles) is called, `otel-genai` replaces `otel-1.41` if the environment variable
    /// `OTEL_SEMCONV_STABILITY_OPT_IN` contains `gen_ai_latest_experimental`, as OpenTelemetry defines it.
    pub fn new() -> Self {
        let limiter = CardinalityLimiter::new(CardinalityLimiter::DEFAULT_MAX, []);
        let convention = Self {
            profiles: vec![Profile::of_environment(), Profile::OpenInference],
            policy: Policy::new(),
            limiter: Arc::new(limiter),
            usage: true,
            rules: Arc::default(),
            instruments: Arc::default(),
            declared: Vec::new(),
        };
        convention.with_tables()
    }

    /// Sets the profiles. Of several versions of OpenTelemetry's conventions, the last is used. The attributes `allm.…` and
    /// `error.type` are sent with any profile, and without one.
    pub fn profiles(mut self, profiles: impl IntoIterator<Item = Profile>) -> Self {
        self.profiles.clear();
        for profile in profiles {
            let is_replaced =
                |other: Profile| other == profile || (other.is_opentelemetry() && profile.is_opentelemetry());
            self.profiles.retain(|other| !is_replaced(*other));
            self.profiles.push(profile);
        }
        self.with_tables()
    }

    /// Sets which user-defined keys and which content may be exported.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }.with_tables()
    }

    /// Sets how many values a key may have before every later one becomes `_OTHER`: 64 by default, at most 4,096.
    pub fn max_values(mut self, values: usize) -> Self {
        self.limiter = Arc::new(CardinalityLimiter::new(values, self.limiter.labels().cloned()));
        self
    }

    /// Adds user-defined keys to the labels of metrics, with as many values as every other label. The [policy](Self::policy)
    /// has no effect on labels, because each value is a permanent time series.
    pub fn labels<K: Into<Cow<'static, str>>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        let labels = self.limiter.labels().cloned().chain(keys.into_iter().map(Into::into));
        self.limiter = Arc::new(CardinalityLimiter::new(self.limiter.max(), labels.collect::<Vec<_>>()));
        self
    }

    /// Adds up a measurement of your own in a counter named `key`: what observers [record](crate::Record::measurement) under
    /// `key`, by operation, provider, model and your own [labels](Self::labels). On the `metrics` facade, whose counters are
    /// whole numbers, it is a gauge that only grows.
    ///
    /// The unit is written in [UCUM](https://ucum.org), as OpenTelemetry's are: `{image}`, `s`, `By`. A value that is negative or
    /// not finite is not added. In the name, characters that OpenTelemetry does not allow become `_`. An instrument
    /// of the profile is not replaced by one of the same name.
    ///
    /// # Examples
    ///
    /// What each tenant's calls cost:
    ///
    /// ```
    /// use allm_telemetry::convention::Convention;
    ///
    /// let convention = Convention::new().labels(["tenant"]).counter("gateway_fee", "USD");
    /// assert!(convention.instruments().iter().any(|instrument| instrument.name == "gateway_fee"));
    /// ```
    pub fn counter(self, key: impl Into<Cow<'static, str>>, unit: impl Into<Cow<'static, str>>) -> Self {
        self.declare(Instrument::recorded(key.into(), unit.into(), InstrumentKind::FloatCounter))
    }

    /// Collects a measurement of your own in a histogram named `key`, with these upper bounds of its buckets. Otherwise as
    /// [`counter`](Self::counter).
    pub fn histogram(
        self,
        key: impl Into<Cow<'static, str>>,
        unit: impl Into<Cow<'static, str>>,
        boundaries: impl Into<Cow<'static, [f64]>>,
    ) -> Self {
        self.declare(Instrument::recorded(
            key.into(),
            unit.into(),
            InstrumentKind::Histogram(boundaries.into()),
        ))
    }

    /// Adds an instrument. A second one of the same name replaces the first.
    fn declare(mut self, instrument: Instrument) -> Self {
        self.declared.retain(|declared| declared.name != instrument.name);
        self.declared.push(instrument);
        self.with_tables()
    }

    /// Omits tokens and costs from the attributes of spans, but not from metrics. Use it for one of two exporters that send to
    /// the same backend, which would otherwise count them twice.
    pub fn without_usage(self) -> Self {
        Self { usage: false, ..self }
    }

    /// Returns how many values became `_OTHER`, here and in every clone.
    ///
    /// Each value of a key counts once, however often it was replaced, so the sum over all keys is how far
    /// [`max_values`](Self::max_values) was exceeded. The count is exact up to 4,096 values of a key and stops there, because
    /// to recognize a value it has to be remembered.
    #[must_use]
    pub fn overflow_count(&self) -> u64 {
        self.limiter.overflow_count()
    }

    /// Returns how many values of attributes were [cut](Policy#bounds), by the policy of this convention and its clones.
    #[must_use]
    pub fn cut_count(&self) -> u64 {
        self.policy.cut_count()
    }

    /// Returns which content may leave, for [`Listener::content`](crate::Listener::content).
    #[must_use]
    pub fn allowed_content(&self) -> Content {
        self.policy.allowed_content()
    }

    /// Returns the role of a span in a tracing system.
    #[must_use]
    pub fn kind(&self, span: SpanName) -> SpanKind {
        self.schema().name(span).kind
    }

    /// Returns every attribute that spans of this name can have, those known at the start first, without the user's own
    /// keys and without content that is not allowed.
    pub fn rules(&self, span: SpanName) -> impl Iterator<Item = &Rule> {
        let SpanRules { start, end } = &self.rules[span as usize];
        start.iter().chain(end)
    }

    /// Returns the name of the event's span: the operation and what it is about, such as `chat gpt-5` for a `generate`
    /// span: `chat` is OpenTelemetry's operation. It is empty if the event belongs to no span.
    #[must_use]
    pub fn span_name<'a>(&self, event: &Event<'a>) -> Cow<'a, str> {
        let Some(span) = self.view(event) else { return Cow::default() };
        let subject = span.name.subject.and_then(|dimension| span.limited(dimension));
        match subject.filter(|subject| !subject.is_empty()) {
            None => span.name.operation.into(),
            Some(subject) => [span.name.operation, " ", &subject].concat().into(),
        }
    }

    /// Calls `each` with the attributes that are known at a span's start, without [the user's own
    /// keys](Self::user_attributes).
    pub fn start_attributes<'a>(&self, event: &Event<'a>, each: impl FnMut(&'static str, Attribute<'a>)) {
        let Some(span) = self.view(event) else { return };
        read(&self.rules[span.start.name as usize].start, &span, &self.policy, each);
    }

    /// Calls `each` with the attributes that are known at a span's end and not before, without [the user's own
    /// keys](Self::user_attributes).
    ///
    /// Tokens are included only if this span [reports the tokens](Event::counts_usage), and the cost only if it [reports the
    /// cost](Event::counts_cost), so that a backend counts them once.
    pub fn end_attributes<'a>(&self, event: &Event<'a>, each: impl FnMut(&'static str, Attribute<'a>)) {
        let Some(mut span) = self.view(event).filter(|span| span.end.is_some()) else { return };
        if !self.usage {
            span.usage = None;
            span.cost = None;
        }
        read(&self.rules[span.start.name as usize].end, &span, &self.policy, each);
    }

    /// Returns the class of the error if the span's outcome is `error` or `panicked`, and `None` otherwise: this is what
    /// makes a span an error.
    #[must_use]
    pub fn error_type<'a>(&self, event: &Event<'a>) -> Option<Cow<'a, str>> {
        self.view(event)?.error_type()
    }

    /// Returns the text of an error, of a panic or of a retry's reason, if the policy allows it.
    #[must_use]
    pub fn error_text<'a>(&self, event: &Event<'a>) -> Option<Cow<'a, str>> {
        let text = |key| Some((key, event.metadata(key).filter(|text| !text.is_null())?));
        let (key, value) = text("error").or_else(|| text("reason"))?;
        self.policy.apply(&Entry::standard(key, value))?.into_text()
    }

    /// Calls `each` with the attributes of an event inside a span: a retry or the first chunk. Name the span event
    /// like the event.
    pub fn event_attributes<'a>(&self, event: &Event<'a>, mut each: impl FnMut(&'static str, Attribute<'a>)) {
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
            let class = self.limiter.limit(Dimension::ErrorType, class.into());
            each("allm.error_type", Attribute::Text(class));
        }
        if let Some(reason) = self.error_text(event) {
            each("allm.reason", Attribute::Text(reason));
        }
    }

    /// Calls `each` with the attributes of the `exception` event of a span that panicked, and not at all for another event.
    pub fn exception_attributes<'a>(
        &self,
        event: &Event<'a>,
        mut each: impl FnMut(&'static str, Attribute<'a>),
    ) {
        let is_panic = event.metadata("kind").and_then(|kind| kind.as_str()) == Some("panic");
        let Some(class) = self.error_type(event).filter(|_| is_panic) else { return };
        each("exception.type", Attribute::Text(class));
        if let Some(stacktrace) = event.metadata("stacktrace").and_then(|it| it.as_str()) {
            each("exception.stacktrace", Attribute::text(self.policy.bounds.long_text(stacktrace)));
        }
        if let Some(message) = self.error_text(event) {
            each("exception.message", Attribute::Text(message));
        }
    }

    /// Returns the histograms and counters that [`measure`](Self::measure) adds to.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// `None` if the event belongs to no span.
    pub(super) fn view<'a>(&self, event: &Event<'a>) -> Option<SpanView<'a, '_>> {
        let Data::Span(start, moment) = event.data() else { return None };
        let end = if let PhaseData::End(end) = moment { Some(end) } else { None };
        Some(SpanView::new(start, end, self.schema().name(start.name), &self.limiter, &self.policy))
    }

    /// Returns the profile for the names of spans and instruments, which are always OpenTelemetry's.
    fn schema(&self) -> Profile {
        let chosen = self.profiles.iter().copied().find(|profile| profile.is_opentelemetry());
        chosen.unwrap_or(Profile::Otel1_41)
    }

    /// Combines the rules and the instruments of the profiles, once and not for each event.
    fn with_tables(self) -> Self {
        // Rules for content that is not allowed are removed, so that reading an event does not evaluate them.
        let allowed = self.allowed_content();
        let rules = SpanName::ALL.iter().map(|&span| {
            let profiles = self.profiles.iter().flat_map(|profile| profile.rules(span));
            let (start, end) = profiles
                .chain(common::rules(span))
                .filter(|rule| rule.content() == Content::NONE || allowed.intersects(rule.content()))
                .partition(Rule::is_known_at_start);
            SpanRules { start, end }
        });
        let schema = self.schema();
        let standard = schema.instruments();
        let is_new =
            |declared: &&Instrument| standard.iter().all(|instrument| instrument.name != declared.name);
        let declared: Vec<_> = self.declared.iter().filter(is_new).cloned().collect();
        let instruments = standard.into_iter().chain(declared).map(|mut instrument| {
            for label in &mut instrument.labels {
                label.key = schema.key(label.key);
            }
            instrument
        });
        Self { rules: rules.collect(), instruments: instruments.collect(), ..self }
    }
}

// Generic and with one call of `each`, so that an exporter's closure is compiled into the loop. If not inlined, each value
// is copied right after it was written, which waits for the writes: 10 ns an attribute.
fn read<'a>(
    rules: &[Rule],
    span: &SpanView<'a, '_>,
    policy: &Policy,
    mut each: impl FnMut(&'static str, Attribute<'a>),
) {
    for rule in rules {
        // Content was already cut by the policy. Encoded as JSON messages it may be longer again, and is not cut twice.
        if let Some(mut value) = rule.read(span)
            && (rule.content() != Content::NONE || policy.bounds.attribute(&mut value))
        {
            each(rule.key(), value);
        }
    }
}

impl Default for Convention {
    fn default() -> Self {
        Self::new()
    }
}
