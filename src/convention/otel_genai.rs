//! OpenTelemetry's conventions for generative AI after version 1.41: what differs from it, besides the keys that
//! [`Profile::key`](super::profile::Profile) renames.
//!
//! They are developed in a repository of their own, without a release so far. This is its state of November 2026, as its
//! migration guide describes it: <https://github.com/open-telemetry/semantic-conventions-genai>

use std::borrow::Cow;

use super::attribute::{self, Attribute, texts};
use super::instrument::{Instrument, Measured};
use super::instruments_1_41::{self, TOKENS};
use super::label::{ERROR_TYPE, MODALITY, MODEL, OPERATION, PROVIDER, RESPONSE_MODEL};
use super::otel_1_41;
use super::rule::Rule;
use super::span_view::SpanView;
use crate::event::{Outcome, SpanName, Usage, Value};

pub(super) fn rules(span: SpanName) -> Vec<Rule> {
    let mut rules = otel_1_41::rules(span);
    for rule in &mut rules {
        match rule.key {
            "gen_ai.request.top_k" => *rule = top_k(span),
            "gen_ai.response.finish_reasons" if is_inference(span) => *rule = FINISH_REASONS,
            _ => {}
        }
    }
    if rules.iter().any(|rule| rule.key == "gen_ai.usage.input_tokens") {
        rules.extend(MEDIA);
    }
    if span == SpanName::Chat {
        // An agent in this process has no provider, and its cached tokens are those of its calls.
        let is_removed = |rule: &Rule| {
            matches!(
                rule.key,
                "gen_ai.provider.name"
                    | "gen_ai.usage.cache_read.input_tokens"
                    | "gen_ai.usage.cache_creation.input_tokens"
            )
        };
        rules.retain(|rule| !is_removed(rule));
    }
    rules
}

fn top_k(span: SpanName) -> Rule {
    // A retrieval's is the number of documents; a call's is a parameter of sampling.
    let key = if span == SpanName::Retrieve { "gen_ai.retrieval.top_k" } else { "gen_ai.request.top_k" };
    Rule::start(key, "`top_k`, as an integer", |it| it.int("top_k"))
}

const MEDIA: &[Rule] = &[
    Rule::end("gen_ai.usage.audio.input_tokens", "`usage`: `audio_input_tokens`", |it| {
        attribute::count(it.usage?.audio_input_tokens())
    }),
    Rule::end("gen_ai.usage.image.input_tokens", "`usage`: `image_input_tokens`", |it| {
        attribute::count(it.usage?.image_input_tokens())
    }),
    Rule::end("gen_ai.usage.audio.output_tokens", "`usage`: `audio_output_tokens`", |it| {
        attribute::count(it.usage?.audio_output_tokens())
    }),
    Rule::end("gen_ai.usage.image.output_tokens", "`usage`: `image_output_tokens`", |it| {
        attribute::count(it.usage?.image_output_tokens())
    }),
];

const FINISH_REASONS: Rule = Rule::end(
    "gen_ai.response.finish_reasons",
    "`finish_reasons`; `error` for each that is missing, if the call did not complete",
    |it| {
        let reasons = it.results()?.finish_reasons.as_deref();
        if it.end?.outcome == Outcome::Completed {
            return reasons.map(texts);
        }
        // At least one choice was expected.
        let reasons = reasons.unwrap_or(&[Value::Null]).iter();
        let padded = reasons.map(|reason| reason.as_value_ref().to_text().unwrap_or("error".into()));
        Some(Attribute::Texts(padded.collect()))
    },
);

/// The instruments of inference, which have new names, and those of 1.41 for all other spans: an embedding, for example, is
/// still measured by `gen_ai.client.operation.duration`.
pub(super) fn instruments() -> Vec<Instrument> {
    let mut instruments = Vec::new();
    for old in instruments_1_41::instruments() {
        let renamed = match &*old.name {
            "gen_ai.client.operation.duration" => "gen_ai.client.inference.duration",
            "gen_ai.client.operation.time_to_first_chunk" => "gen_ai.client.inference.time_to_first_chunk",
            "gen_ai.client.operation.time_per_output_chunk" => {
                "gen_ai.client.inference.time_per_output_chunk"
            }
            "gen_ai.client.token.usage" => {
                instruments.extend(tokens());
                instruments.push(Instrument { spans: is_other_call, ..old });
                continue;
            }
            _ => {
                instruments.push(old);
                continue;
            }
        };
        instruments.push(Instrument {
            name: Cow::Borrowed(renamed),
            spans: is_inference_span,
            ..old.clone()
        });
        instruments.push(Instrument { spans: is_other_call, ..old });
    }
    instruments
}

/// The tokens of an inference: counters to add up, and histograms of what one call used.
fn tokens() -> [Instrument; 7] {
    let counter = |name, description, read: fn(&SpanView<'_, '_>) -> Option<f64>| {
        Instrument::counter(name, "{token}")
            .description(description)
            .of(is_inference_span, Measured::End(read))
            .labels(&[OPERATION, PROVIDER, MODEL, RESPONSE_MODEL, MODALITY])
    };
    let histogram = |name, description, read: fn(&SpanView<'_, '_>) -> Option<f64>| {
        Instrument::histogram(name, "{token}", TOKENS)
            .description(description)
            .of(is_inference_span, Measured::End(read))
            .labels(&[OPERATION, PROVIDER, MODEL, RESPONSE_MODEL, ERROR_TYPE])
    };
    [
        counter(
            "gen_ai.client.inference.usage.input_tokens",
            "Tokens of prompts, cached ones included.",
            input,
        ),
        counter(
            "gen_ai.client.inference.usage.output_tokens",
            "Tokens of answers, reasoning included.",
            output,
        ),
        counter(
            "gen_ai.client.inference.usage.cache_read.input_tokens",
            "Tokens of prompts that were read from a provider's cache.",
            |it| count(it, Usage::cached_tokens),
        ),
        counter(
            "gen_ai.client.inference.usage.cache_write.input_tokens",
            "Tokens of prompts that were written to a provider's cache.",
            |it| count(it, Usage::cache_write_tokens),
        ),
        counter(
            "gen_ai.client.inference.usage.reasoning.output_tokens",
            "Tokens that models used to reason.",
            |it| count(it, Usage::reasoning_tokens),
        ),
        histogram(
            "gen_ai.client.inference.operation.input_tokens",
            "Tokens of the prompt of one call.",
            input,
        ),
        histogram(
            "gen_ai.client.inference.operation.output_tokens",
            "Tokens of the answer of one call.",
            output,
        ),
    ]
}

fn input(span: &SpanView<'_, '_>) -> Option<f64> {
    count(span, Usage::input_tokens)
}

fn output(span: &SpanView<'_, '_>) -> Option<f64> {
    count(span, Usage::output_tokens)
}

fn count(span: &SpanView<'_, '_>, part: fn(&Usage) -> Option<u64>) -> Option<f64> {
    part(span.usage?).map(|tokens| tokens as f64)
}

fn is_inference_span(span: &SpanView<'_, '_>) -> bool {
    is_inference(span.start.name)
}

fn is_other_call(span: &SpanView<'_, '_>) -> bool {
    instruments_1_41::is_call(span) && !is_inference_span(span)
}

/// Whether the span's operation is one that the conventions call inference.
const fn is_inference(span: SpanName) -> bool {
    matches!(span, SpanName::Generate | SpanName::Stream | SpanName::Image)
}
