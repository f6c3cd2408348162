//! The usage objects of providers as they are on the wire, in the terms of [`Usage`]; and what an event says of a usage, in one
//! value, so that a difference shows whole.

use allm_telemetry::Usage;
use serde_json::Value;

/// OpenAI's, and that of the many hosts that speak its protocols. Where a part is counted is shown by the total.
pub(crate) fn openai(usage: &Value) -> Usage {
    const CACHED: [&str; 7] = [
        "/prompt_tokens_details/cached_tokens",
        "/input_tokens_details/cached_tokens",
        "/prompt_token_details/cached_tokens",
        "/prompt_cache_hit_tokens",
        "/cached_tokens",
        "/num_cached_tokens",
        "/cache_read_input_tokens",
    ];
    const WRITTEN: [&str; 3] = [
        "/prompt_tokens_details/cache_write_tokens",
        "/input_tokens_details/cache_write_tokens",
        "/cache_creation_input_tokens",
    ];
    const REASONING: [&str; 3] = [
        "/completion_tokens_details/reasoning_tokens",
        "/output_tokens_details/reasoning_tokens",
        "/reasoning_tokens",
    ];
    const AUDIO: [&str; 2] = ["/prompt_tokens_details/audio_tokens", "/input_token_details/audio_tokens"];
    const IMAGES: [&str; 2] = ["/prompt_tokens_details/image_tokens", "/input_tokens_details/image_tokens"];
    let ticks = number(usage, "/cost_in_usd_ticks").map(|ticks| ticks / 1e10);
    let cost = ticks.or(number(usage, "/cost")).or(number(usage, "/cost/total_cost"));
    Usage::new()
        .input(first(usage, &["/prompt_tokens", "/input_tokens"]))
        .output(first(usage, &["/completion_tokens", "/output_tokens"]))
        .total(first(usage, &["/total_tokens"]))
        .cached(first(usage, &CACHED))
        .cache_write(first(usage, &WRITTEN))
        .reasoning(first(usage, &REASONING))
        .audio_input(first(usage, &AUDIO))
        .image_input(first(usage, &IMAGES))
        .cost(cost)
}

/// Anthropic's: its input leaves out what was read from and written to the cache.
pub(crate) fn anthropic(usage: &Value) -> Usage {
    Usage::new()
        .input(first(usage, &["/input_tokens"]))
        .cached_beside(first(usage, &["/cache_read_input_tokens"]))
        .cache_write_beside(first(usage, &["/cache_creation_input_tokens"]))
        .cache_write_5m(first(usage, &["/cache_creation/ephemeral_5m_input_tokens"]))
        .cache_write_1h(first(usage, &["/cache_creation/ephemeral_1h_input_tokens"]))
        .output(first(usage, &["/output_tokens"]))
        .reasoning(first(usage, &["/output_tokens_details/thinking_tokens"]))
        .web_searches(first(usage, &["/server_tool_use/web_search_requests"]))
        .tier(usage["service_tier"].as_str().unwrap_or_default())
        .billed_input(iterations(
            usage,
            &["/input_tokens", "/cache_read_input_tokens", "/cache_creation_input_tokens"],
        ))
        .billed_output(iterations(usage, &["/output_tokens"]))
}

/// The sum over what was billed one by one.
fn iterations(usage: &Value, parts: &[&str]) -> Option<u64> {
    let iterations = usage["iterations"].as_array().filter(|all| !all.is_empty())?;
    let of_one = |one: &Value| parts.iter().filter_map(|part| first(one, &[part])).sum::<u64>();
    Some(iterations.iter().map(of_one).sum())
}

/// Gemini's: its output leaves out the thinking, its input the results of its tools. The cached tokens are in the input.
pub(crate) fn gemini(usage: &Value) -> Usage {
    Usage::new()
        .input(first(usage, &["/promptTokenCount", "/total_input_tokens"]))
        .cached(first(usage, &["/cachedContentTokenCount", "/total_cached_tokens"]))
        .tool_prompt_beside(first(usage, &["/toolUsePromptTokenCount", "/total_tool_use_tokens"]))
        .output(first(usage, &["/candidatesTokenCount", "/total_output_tokens"]))
        .reasoning_beside(first(usage, &["/thoughtsTokenCount", "/total_thought_tokens"]))
        .total(first(usage, &["/totalTokenCount", "/total_tokens"]))
}

/// Bedrock's own: its input leaves out what was read from and written to the cache.
pub(crate) fn bedrock(usage: &Value) -> Usage {
    let written = |ttl: &str| {
        let details = usage["cacheDetails"].as_array()?;
        first(details.iter().find(|detail| detail["ttl"] == *ttl)?, &["/inputTokens"])
    };
    Usage::new()
        .input(first(usage, &["/inputTokens"]))
        .cached_beside(first(usage, &["/cacheReadInputTokens"]))
        .cache_write_beside(first(usage, &["/cacheWriteInputTokens"]))
        .cache_write_5m(written("5m"))
        .cache_write_1h(written("1h"))
        .output(first(usage, &["/outputTokens"]))
        .total(first(usage, &["/totalTokens"]))
}

/// What a model on Bedrock reports in its own format, when it is invoked without Converse.
pub(crate) fn bedrock_invoke(body: &Value) -> Usage {
    let titan = body["results"].as_array().and_then(|results| first(results.last()?, &["/tokenCount"]));
    let mut usage = Usage::new()
        .input(first(body, &["/inputTextTokenCount", "/prompt_token_count"]))
        .output(titan.or(first(body, &["/generation_token_count"])));
    for at in ["/usage", "/message/usage", "/metadata/usage"] {
        if let Some(object) = body.pointer(at) {
            usage.merge(&bedrock(object));
            usage.merge(&anthropic(object));
        }
    }
    usage
}

/// What Bedrock itself reports with the last part of an answer.
pub(crate) fn bedrock_metrics(metrics: &Value) -> Usage {
    Usage::new()
        .input(first(metrics, &["/inputTokenCount"]))
        .cached_beside(first(metrics, &["/cacheReadInputTokenCount"]))
        .cache_write_beside(first(metrics, &["/cacheWriteInputTokenCount"]))
        .output(first(metrics, &["/outputTokenCount"]))
}

/// Cohere's: what ran, else what is billed. Images are beside the input.
pub(crate) fn cohere(usage: &Value) -> Usage {
    let ran = if usage["tokens"].is_object() { &usage["tokens"] } else { &usage["billed_units"] };
    Usage::new()
        .input(first(ran, &["/input_tokens"]))
        .image_input_beside(first(ran, &["/image_tokens"]))
        .output(first(ran, &["/output_tokens"]))
        .reasoning(first(ran, &["/reasoning_tokens"]))
        .cached(first(usage, &["/cached_tokens"]))
        .billed_input(first(usage, &["/billed_units/input_tokens"]))
        .billed_output(first(usage, &["/billed_units/output_tokens"]))
}

/// Ollama's own, in the last line of an answer.
pub(crate) fn ollama(answer: &Value) -> Usage {
    let input = first(answer, &["/prompt_eval_count"]);
    Usage::new().input(input).output(first(answer, &["/eval_count"]))
}

/// The first of these counts that is there. Some hosts write them as floats.
fn first(object: &Value, pointers: &[&str]) -> Option<u64> {
    let count = |at: &&str| object.pointer(at).filter(|value| value.is_number()).and_then(Value::as_f64);
    pointers.iter().find_map(count).map(|count| count as u64)
}

fn number(object: &Value, pointer: &str) -> Option<f64> {
    object.pointer(pointer)?.as_f64()
}

/// What an event says of a usage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
    pub(crate) cached: Option<u64>,
    pub(crate) cache_write: Option<u64>,
    pub(crate) cache_write_5m: Option<u64>,
    pub(crate) cache_write_1h: Option<u64>,
    pub(crate) reasoning: Option<u64>,
    pub(crate) audio_input: Option<u64>,
    pub(crate) image_input: Option<u64>,
    /// In 10⁻¹² dollars, so that it can be compared.
    pub(crate) cost: Option<u64>,
}

impl Counts {
    pub(crate) fn of(usage: &Usage) -> Self {
        Self {
            input: usage.input_tokens(),
            output: usage.output_tokens(),
            cached: usage.cached_tokens(),
            cache_write: usage.cache_write_tokens(),
            cache_write_5m: usage.cache_write_5m_tokens(),
            cache_write_1h: usage.cache_write_1h_tokens(),
            reasoning: usage.reasoning_tokens(),
            audio_input: usage.audio_input_tokens(),
            image_input: usage.image_input_tokens(),
            cost: usage.cost_usd().map(picodollars),
        }
    }

    /// A part that the recording has as larger than its whole is not reported.
    pub(crate) fn without_contradictions(self) -> Self {
        let part =
            |part: Option<u64>, whole: Option<u64>| part.filter(|part| whole.is_none_or(|it| *part <= it));
        Self {
            cached: part(self.cached, self.input),
            cache_write: part(self.cache_write, self.input),
            reasoning: part(self.reasoning, self.output),
            ..self
        }
    }
}

pub(crate) fn picodollars(usd: f64) -> u64 {
    (usd * 1e12).round() as u64
}
