use std::borrow::Cow;
use std::cell::OnceCell;

use super::attribute::Attribute;
use super::cardinality::{Bounded, CardinalityLimiter, OTHER};
use super::content::{self, Answer};
use super::group::Needs;
use super::policy::{Outgoing, Policy};
use super::rule::{As, Asked, Form, Named, Row, Rule, Source, StreamPart, Subject, Tokens};
use super::taker::Taker;
use crate::event::{
    Content, Data, Entry, Event, Moment, Outcome, Results, SpanEnd, SpanStart, Usage, Value, ValueRef,
};

/// An event of a span, read by the rules of a table.
pub(super) struct Reading<'a, 'c> {
    pub(super) start: &'a SpanStart,
    pub(super) end: Option<&'a SpanEnd>,
    guard: &'c CardinalityLimiter,
    policy: &'c Policy,
    named: &'static Named,
    // A redactor is asked once, however many attributes its answer becomes.
    input: OnceCell<Option<Outgoing<'a>>>,
    output: OnceCell<Option<Outgoing<'a>>>,
}

impl<'a, 'c> Reading<'a, 'c> {
    /// `None` if it is no event of a span.
    pub(super) fn of(
        event: &Event<'a>,
        guard: &'c CardinalityLimiter,
        policy: &'c Policy,
        named: impl FnOnce(&SpanStart) -> &'static Named,
    ) -> Option<Self> {
        let Data::Span(start, moment) = event.data() else { return None };
        let end = if let Moment::End(end) = moment { Some(end) } else { None };
        let (input, output) = (OnceCell::new(), OnceCell::new());
        Some(Self { start, end, guard, policy, named: named(start), input, output })
    }

    /// The values that are known at the start, in order.
    #[inline]
    pub(super) fn each_of_start(&self, row: &Row, each: &mut (impl Taker<'a> + ?Sized)) {
        for group in row.start.iter().filter(|group| self.has(group.needs, false)) {
            for rule in group.rules {
                self.tell_start(rule, each);
            }
        }
    }

    /// The values that are known at the end, in order; tokens only with `usage`.
    #[inline]
    pub(super) fn each_of_end(&self, row: &Row, usage: bool, each: &mut (impl Taker<'a> + ?Sized)) {
        let Some(end) = self.end else { return };
        let results = &end.results;
        let counts = results.usage.as_ref().filter(|_| usage).map(Tokens::counts);
        for group in row.end.iter().filter(|group| self.has(group.needs, counts.is_some())) {
            // By index, as all that stands for one of several: a jump to one of many places is guessed wrong more often than
            // not, 5 ns each time.
            if let (Needs::Usage, Some(counts)) = (group.needs, &counts) {
                for rule in group.rules {
                    if let Source::Tokens(part) = rule.source
                        && let Some(count) = counts[part as usize]
                    {
                        each.take(rule.key, Attribute::count(count));
                    }
                }
                continue;
            }
            for rule in group.rules {
                self.tell_end(rule, end, results, each);
            }
        }
    }

    #[inline]
    fn has(&self, needs: Needs, usage: bool) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Options => !self.start.keys.is_empty(),
            Needs::Usage => usage,
            Needs::Stream => self.end.is_some_and(|end| end.stream.is_some()),
            Needs::Input => self.policy.allowed_content().intersects(Content::INPUT),
            Needs::Output => self.policy.allowed_content().intersects(Content::OUTPUT),
        }
    }

    // Inlined, and told by type, so that who takes a value meets it where it was read: an attribute that goes from hand to
    // hand is moved each time.
    #[inline(always)]
    fn tell_start(&self, rule: &Rule, each: &mut (impl Taker<'a> + ?Sized)) {
        let start = self.start;
        match rule.source {
            Source::Is(text) => each.take(rule.key, Attribute::Literal(text)),
            Source::Operation => each.take(rule.key, Attribute::Literal(self.named.operation)),
            Source::Asked(asked) => {
                let provider = match start.provider() {
                    None => start.engine.as_ref(),
                    Some(Value::Text(provider)) => Some(provider),
                    Some(_) => None,
                };
                match ([start.engine.as_ref(), provider, start.model.as_ref()][asked as usize], asked) {
                    (Some(text), _) => each.take(rule.key, Attribute::key(text)),
                    (None, Asked::Provider) => each.take(rule.key, Attribute::Text(self.provider())),
                    (None, _) => {}
                }
            }
            Source::RequestId => each.take(rule.key, Attribute::text(start.request_id().as_str())),
            Source::SpanId => each.take(rule.key, Attribute::Text(start.span_id.to_string().into())),
            ref rare => {
                if let Some(value) = self.rare_at_start(rare) {
                    each.take(rule.key, value);
                }
            }
        }
    }

    #[inline(never)]
    fn rare_at_start(&self, source: &Source) -> Option<Attribute<'a>> {
        match *source {
            Source::True => Some(Attribute::Bool(true)),
            Source::Option(key, kind) => convert(self.start.keys.get(key)?, kind),
            Source::Own(key, kind) => convert(self.start.keys.get(key)?, kind),
            Source::Input(form) => Some(shape(self.input()?, form, None)),
            _ => None,
        }
    }

    #[inline(always)]
    fn tell_end(
        &self,
        rule: &Rule,
        end: &'a SpanEnd,
        results: &'a Results,
        each: &mut (impl Taker<'a> + ?Sized),
    ) {
        match rule.source {
            Source::Answered(answered) => {
                let model = results.response_model.as_ref();
                let any_model = model.or(self.start.model.as_ref());
                if let Some(text) = [model, any_model, results.response_id.as_ref()][answered as usize] {
                    each.take(rule.key, Attribute::key(text));
                }
            }
            Source::Outcome => each.take(rule.key, Attribute::Literal(end.outcome.as_str())),
            Source::Attempts => each.take(rule.key, Attribute::Int(end.attempts.into())),
            ref rare => {
                if let Some(value) = self.rare_at_end(rare, end) {
                    each.take(rule.key, value);
                }
            }
        }
    }

    #[inline(never)]
    fn rare_at_end(&self, source: &Source, end: &'a SpanEnd) -> Option<Attribute<'a>> {
        let results = &end.results;
        match *source {
            Source::ErrorType => Some(Attribute::text(self.error_type()?)),
            Source::FinishReasons => Some(finish_reasons(results.finish_reasons.as_deref()?)),
            Source::UsageStatus => Some(Attribute::Literal(end.stream.map(|_| end.usage_status().as_str())?)),
            Source::Stream(part) => stream(part, end),
            Source::Count(key) => {
                let count = results.measurements.get(key).copied().unwrap_or(0.into());
                Attribute::of(ValueRef::Number(count))
            }
            Source::Output(form) => {
                let finish_reasons = results.finish_reasons.as_deref();
                let answer = Answer { finish_reasons, outcome: end.outcome };
                Some(shape(self.output(end)?, form, Some(&answer)))
            }
            _ => None,
        }
    }

    /// The user's own keys that the policy names: at the start those of the start, at the end those that came since.
    pub(super) fn each_of_the_user(&self, event: &Event<'a>, each: &mut (impl Taker<'a> + ?Sized)) {
        let named = self.policy.named();
        if named.is_empty() {
            return;
        }
        let mut visit = |entry: Entry<'a>| {
            let Some(key) = named.iter().find(|key| entry.from_user && *key == entry.key) else { return };
            let told = self.end.and_then(|_| self.start.user.get(key)).map(Value::as_value_ref);
            if told != Some(entry.value)
                && let Some(value) = Attribute::of(entry.value)
            {
                each.take_own(key.clone(), value);
            }
        };
        event.visit_metadata(&mut visit);
        event.visit_measurements(&mut visit);
    }

    /// A value of a key of the user's, whenever it was told.
    pub(super) fn of_the_user(&self, key: &str) -> Option<ValueRef<'a>> {
        let later = self.end.and_then(|end| end.results.metadata.get(key));
        later.or_else(|| self.start.user.get(key)).map(Value::as_value_ref)
    }

    pub(super) fn named(&self) -> &'static Named {
        self.named
    }

    /// What the span is about.
    pub(super) fn subject(&self, subject: Subject) -> Option<Cow<'a, str>> {
        match subject {
            Subject::Model => self.start.model.as_deref().map(Cow::Borrowed),
            Subject::Agent => self.start.keys.get("agent_name").and_then(text_of),
            Subject::Tool => self.start.keys.get("tool_name").and_then(text_of),
            Subject::DataSource => self.start.keys.get("data_source").and_then(text_of),
        }
    }

    pub(super) fn provider(&self) -> Cow<'a, str> {
        let provider = self.start.provider().and_then(text_of);
        let engine = || self.start.engine.as_deref().map(Cow::Borrowed);
        provider.or_else(engine).unwrap_or(OTHER.into())
    }

    /// The class of an error or a panic; of no other end.
    pub(super) fn error_type(&self) -> Option<&'a str> {
        let end = self.end.filter(|end| matches!(end.outcome, Outcome::Error | Outcome::Panicked))?;
        Some(self.guard.bound(Bounded::ErrorType, end.error_type().unwrap_or(OTHER)))
    }

    pub(super) fn tokens(&self, part: Tokens) -> Option<u64> {
        Tokens::counts(self.end?.results.usage.as_ref()?)[part as usize]
    }

    fn input(&self) -> Option<&Outgoing<'a>> {
        let input = || self.leaving("input", self.start.input.as_ref()?);
        self.input.get_or_init(input).as_ref()
    }

    /// What the observers told, else the span's own result; a stream's was seen by its reader only.
    fn output(&self, end: &'a SpanEnd) -> Option<&Outgoing<'a>> {
        let told = || {
            let told = end.results.output.as_ref().filter(|output| **output != Value::Null);
            let result = || end.stream.is_none().then_some(&end.results.value);
            match told {
                Some(output) => self.leaving("output", output),
                None => self.leaving(self.start.name.row().result_key(), result()?),
            }
        };
        self.output.get_or_init(told).as_ref()
    }

    fn leaving(&self, key: &'static str, value: &'a Value) -> Option<Outgoing<'a>> {
        let outgoing = self.policy.apply(&Entry::standard(key, value.as_value_ref()))?;
        (!outgoing.value().is_null()).then_some(outgoing)
    }
}

impl Tokens {
    /// All of them, by place.
    fn counts(usage: &Usage) -> [Option<u64>; 6] {
        let (input, output) = (usage.input_tokens(), usage.output_tokens());
        let total = input.zip(output).map(|(input, output)| input.saturating_add(output));
        [input, output, total, usage.cached_tokens(), usage.cache_write_tokens(), usage.reasoning_tokens()]
    }
}

fn shape<'a>(outgoing: &Outgoing<'a>, form: Form, answer: Option<&Answer<'_>>) -> Attribute<'a> {
    match (form, outgoing) {
        (Form::Text, Outgoing::AsIs(ValueRef::Text(text))) => Attribute::text(text),
        (Form::Text, outgoing) => Attribute::Text(content::text(outgoing.value()).into_owned().into()),
        (Form::MimeType, outgoing) => Attribute::Literal(content::mime_type(outgoing.value())),
        (Form::Messages, outgoing) => Attribute::Text(content::messages(outgoing.value(), answer).into()),
    }
}

/// A value in the type that the convention asks for; one that cannot be is left out.
fn convert(value: &Value, kind: As) -> Option<Attribute<'_>> {
    if let (As::Text, Value::Text(text)) = (kind, value) {
        return Some(Attribute::key(text));
    }
    let value = value.as_value_ref();
    Some(match kind {
        As::Text => Attribute::Text(match value {
            ValueRef::Null => return None,
            other => other.to_string().into(),
        }),
        As::Int => match Attribute::of(value)? {
            int @ Attribute::Int(_) => int,
            _ => return None,
        },
        As::Float => Attribute::Float(value.as_f64()?),
        As::Bool => Attribute::Bool(value.as_bool()?),
        As::Texts => match value {
            ValueRef::List(values) => Attribute::Texts(values.iter().filter_map(text_of).collect()),
            one => Attribute::Texts(vec![one.as_str()?.into()]),
        },
    })
}

fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(Cow::Borrowed(text)),
        other => Some(other.to_string().into()),
    }
}

fn finish_reasons(reasons: &[Value]) -> Attribute<'_> {
    Attribute::Texts(reasons.iter().filter_map(text_of).collect())
}

fn stream<'a>(part: StreamPart, end: &SpanEnd) -> Option<Attribute<'a>> {
    let times = end.stream.as_ref()?;
    Some(match part {
        StreamPart::Chunks => Attribute::count(times.chunk_count),
        StreamPart::FirstChunk => Attribute::Float(seconds(times.time_to_first_chunk?)),
        StreamPart::ProducerWait => Attribute::Float(seconds(times.producer_wait)),
        StreamPart::LongestWait => Attribute::Float(seconds(times.longest_wait)),
        StreamPart::ConsumerTime => Attribute::Float(seconds(times.consumer_time)),
    })
}

/// Of nanoseconds.
pub(super) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
