//! The instruments of OpenTelemetry's conventions for GenAI, version 1.41, and two of our own.
//!
//! <https://github.com/open-telemetry/semantic-conventions/blob/v1.41.0/docs/gen-ai/gen-ai-metrics.md>

use super::instrument::{Instrument, LabelRule, LabelSource, Measured, Spans};
use crate::event::SpanName;

pub(super) static INSTRUMENTS: [Instrument; 8] = [
    Instrument {
        name: "gen_ai.client.operation.duration",
        unit: "s",
        description: "How long calls of a model lasted.",
        boundaries: Some(SECONDS),
        measured: Measured::Duration(Spans::OfClients),
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
        measured: Measured::FirstChunk,
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
        measured: Measured::Duration(Spans::Of(SpanName::Tool)),
        labels: &[OPERATION, TOOL, ERROR_TYPE, OUTCOME],
    },
    Instrument {
        name: "gen_ai.invoke_agent.duration",
        unit: "s",
        description: "How long turns of an agent lasted.",
        boundaries: Some(LONG_SECONDS),
        measured: Measured::Duration(Spans::Of(SpanName::Chat)),
        labels: &[OPERATION, AGENT, ERROR_TYPE, OUTCOME],
    },
    Instrument {
        name: "allm.adapter.retries",
        unit: "{retry}",
        description: "Calls that were tried again.",
        boundaries: None,
        measured: Measured::Retries,
        labels: &[PROVIDER, label("allm.error_type", LabelSource::RetriedError)],
    },
    Instrument {
        name: "allm.stream.dropped",
        unit: "{stream}",
        description: "Streams that their readers dropped before the end.",
        boundaries: None,
        measured: Measured::Dropped,
        labels: &[label("allm.span", LabelSource::Span), PROVIDER, MODEL],
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

const OPERATION: LabelRule = label("gen_ai.operation.name", LabelSource::Operation);
const PROVIDER: LabelRule = label("gen_ai.provider.name", LabelSource::Provider);
const MODEL: LabelRule = label("gen_ai.request.model", LabelSource::Model);
const RESPONSE_MODEL: LabelRule = label("gen_ai.response.model", LabelSource::ResponseModel);
const AGENT: LabelRule = label("gen_ai.agent.name", LabelSource::Agent);
const TOOL: LabelRule = label("gen_ai.tool.name", LabelSource::Tool);
const TOKEN_TYPE: LabelRule = label("gen_ai.token.type", LabelSource::TokenType);
const ERROR_TYPE: LabelRule = label("error.type", LabelSource::ErrorType);
/// Dropped and cancelled calls would else look like fast successes.
const OUTCOME: LabelRule = label("allm.outcome", LabelSource::Outcome);

const fn label(key: &'static str, source: LabelSource) -> LabelRule {
    LabelRule { key, source }
}
