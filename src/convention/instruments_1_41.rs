//! The instruments of OpenTelemetry's conventions for generative AI, version 1.41, and two of our own.
//!
//! <https://github.com/open-telemetry/semantic-conventions/blob/v1.41.0/docs/gen-ai/gen-ai-metrics.md>

use super::attribute::seconds;
use super::cardinality::Dimension;
use super::instrument::{Instrument, LabelRule, Measured, ReadLabel, TOKEN_TYPE};
use super::name::SpanKind;
use super::span_view::SpanView;
use crate::event::{Outcome, SpanName};

pub(super) static INSTRUMENTS: [Instrument; 8] = [
    Instrument {
        name: "gen_ai.client.operation.duration",
        unit: "s",
        description: "How long calls of a model lasted.",
        boundaries: Some(SECONDS),
        measured: Measured::End(|it| duration(it).filter(|_| is_call(it))),
        labels: &[OPERATION, PROVIDER, MODEL, RESPONSE_MODEL, ERROR_TYPE, OUTCOME],
    },
    Instrument {
        name: "gen_ai.client.token.usage",
        unit: "{token}",
        description: "Tokens that calls of a model used.",
        boundaries: Some(TOKENS),
        measured: Measured::Tokens,
        labels: &[OPERATION, PROVIDER, MODEL, RESPONSE_MODEL, TOKEN_TYPE],
    },
    Instrument {
        name: "gen_ai.client.operation.time_to_first_chunk",
        unit: "s",
        description: "From the start of a streamed call to its first chunk.",
        boundaries: Some(SECONDS),
        measured: Measured::End(|it| time_to_first_chunk(it).filter(|_| is_call(it))),
        labels: &[OPERATION, PROVIDER, MODEL, RESPONSE_MODEL],
    },
    Instrument {
        name: "gen_ai.client.operation.time_per_output_chunk",
        unit: "s",
        description: "The wait for each chunk of a streamed call after its first; 0 if it was ready at once.",
        boundaries: Some(SECONDS),
        measured: Measured::ChunkGap,
        labels: &[OPERATION, PROVIDER, MODEL],
    },
    Instrument {
        name: "gen_ai.execute_tool.duration",
        unit: "s",
        description: "How long tools ran.",
        boundaries: Some(SECONDS),
        measured: Measured::End(|it| duration(it).filter(|_| it.start.name == SpanName::Tool)),
        labels: &[OPERATION, TOOL, ERROR_TYPE, OUTCOME],
    },
    Instrument {
        name: "gen_ai.invoke_agent.duration",
        unit: "s",
        description: "How long turns of an agent lasted.",
        boundaries: Some(LONG_SECONDS),
        measured: Measured::End(|it| duration(it).filter(|_| it.start.name == SpanName::Chat)),
        labels: &[OPERATION, AGENT, ERROR_TYPE, OUTCOME],
    },
    Instrument {
        name: "allm.adapter.retries",
        unit: "{retry}",
        description: "Calls that were tried again.",
        boundaries: None,
        measured: Measured::Retries,
        labels: &[PROVIDER, RETRIED_ERROR],
    },
    Instrument {
        name: "allm.stream.dropped",
        unit: "{stream}",
        description: "Streams that their readers dropped before the end.",
        boundaries: None,
        measured: Measured::End(|it| (it.end?.outcome == Outcome::Dropped).then_some(1.0)),
        labels: &[SPAN, PROVIDER, MODEL],
    },
];

/// 0.01 s, doubled 13 times.
const SECONDS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// 0.1 s, doubled 12 times.
const LONG_SECONDS: &[f64] = &[0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6];

/// 1, times 4 13 times.
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

const SPAN: LabelRule = label("allm.span", |it| Some(it.start.name.as_str().into()));
const OPERATION: LabelRule = label("gen_ai.operation.name", |it| Some(it.name.operation.into()));
const PROVIDER: LabelRule = label("gen_ai.provider.name", |it| it.limited(Dimension::Provider));
const MODEL: LabelRule = label("gen_ai.request.model", |it| it.limited(Dimension::Model));
const RESPONSE_MODEL: LabelRule = label("gen_ai.response.model", |it| it.limited(Dimension::ResponseModel));
const AGENT: LabelRule = label("gen_ai.agent.name", |it| it.limited(Dimension::Agent));
const TOOL: LabelRule = label("gen_ai.tool.name", |it| it.limited(Dimension::Tool));
const ERROR_TYPE: LabelRule = label("error.type", |it| it.error_type());
/// Without it, dropped and cancelled calls would look like fast successes.
const OUTCOME: LabelRule = label("allm.outcome", |it| Some(it.end?.outcome.as_str().into()));
/// Read from the retry's own event: the span that it is in has not failed.
const RETRIED_ERROR: LabelRule = label("allm.error_type", |_| None);

const fn label(key: &'static str, read: ReadLabel) -> LabelRule {
    LabelRule { key, read }
}

fn is_call(span: &SpanView<'_, '_>) -> bool {
    span.name.kind == SpanKind::Client
}

fn duration(span: &SpanView<'_, '_>) -> Option<f64> {
    span.end.map(|end| seconds(end.duration))
}

fn time_to_first_chunk(span: &SpanView<'_, '_>) -> Option<f64> {
    span.stream()?.time_to_first_chunk.map(seconds)
}
