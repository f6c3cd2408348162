//! The instruments of OpenTelemetry's conventions for generative AI, version 1.41, and three of our own.
//!
//! <https://github.com/open-telemetry/semantic-conventions/blob/v1.41.0/docs/gen-ai/gen-ai-metrics.md>

use super::attribute::seconds;
use super::instrument::{Instrument, Measured};
use super::label::{
    AGENT, ERROR_TYPE, MODEL, OPERATION, OUTCOME, PROVIDER, RESPONSE_MODEL, RETRIED_ERROR, SPAN, TOKEN_TYPE,
    TOOL,
};
use super::name::SpanKind;
use super::span_view::SpanView;
use crate::event::SpanName;

pub(super) fn instruments() -> Vec<Instrument> {
    vec![
        Instrument::histogram("gen_ai.client.operation.duration", "s", SECONDS)
            .description("How long calls of a model lasted.")
            .of(is_call, Measured::End(duration))
            .labels(&[OPERATION, PROVIDER, MODEL, RESPONSE_MODEL, ERROR_TYPE, OUTCOME]),
        Instrument::histogram("gen_ai.client.token.usage", "{token}", TOKENS)
            .description("Tokens that calls of a model used.")
            .of(any_span, Measured::Tokens)
            .labels(&[OPERATION, PROVIDER, MODEL, RESPONSE_MODEL, TOKEN_TYPE]),
        Instrument::histogram("gen_ai.client.operation.time_to_first_chunk", "s", SECONDS)
            .description("From the start of a streamed call to its first chunk.")
            .of(is_call, Measured::End(time_to_first_chunk))
            .labels(&[OPERATION, PROVIDER, MODEL, RESPONSE_MODEL]),
        Instrument::histogram("gen_ai.client.operation.time_per_output_chunk", "s", SECONDS)
            .description(
                "The wait for each chunk with content of a streamed call after the first; 0 if it was ready at once.",
            )
            .of(is_call, Measured::ChunkGap)
            .labels(&[OPERATION, PROVIDER, MODEL]),
        Instrument::histogram("gen_ai.execute_tool.duration", "s", SECONDS)
            .description("How long tools ran.")
            .of(|it| it.start.name == SpanName::Tool, Measured::End(duration))
            .labels(&[OPERATION, TOOL, ERROR_TYPE, OUTCOME]),
        Instrument::histogram("gen_ai.invoke_agent.duration", "s", LONG_SECONDS)
            .description("How long turns of an agent lasted.")
            .of(|it| it.start.name == SpanName::Chat, Measured::End(duration))
            .labels(&[OPERATION, AGENT, ERROR_TYPE, OUTCOME]),
        Instrument::counter("allm.adapter.retries", "{retry}")
            .description("Calls that were tried again.")
            .of(any_span, Measured::Retries)
            .labels(&[PROVIDER, RETRIED_ERROR]),
        Instrument::counter("allm.stream.dropped", "{stream}")
            .description("Streams that their readers dropped before the end, once where spans nest.")
            .of(any_span, Measured::End(|it| it.end?.counts_drop.then_some(1.0)))
            .labels(&[SPAN, PROVIDER, MODEL]),
        Instrument::counter("allm.usage.unknown", "{call}")
            .description("Calls of a model whose tokens are not known, once where spans nest.")
            .of(any_span, Measured::End(|it| it.end?.counts_unknown_usage.then_some(1.0)))
            .labels(&[PROVIDER, MODEL]),
    ]
}

/// 0.01 s, doubled 13 times.
pub(super) const SECONDS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// 0.1 s, doubled 12 times.
const LONG_SECONDS: &[f64] = &[0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6];

/// 1, times 4 13 times.
pub(super) const TOKENS: &[f64] = &[
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

fn any_span(_: &SpanView<'_, '_>) -> bool {
    true
}

pub(super) fn is_call(span: &SpanView<'_, '_>) -> bool {
    span.name.kind == SpanKind::Client
}

fn duration(span: &SpanView<'_, '_>) -> Option<f64> {
    span.end.map(|end| seconds(end.duration))
}

fn time_to_first_chunk(span: &SpanView<'_, '_>) -> Option<f64> {
    span.stream()?.time_to_first_chunk.map(seconds)
}
