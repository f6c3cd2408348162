//! What each span says, written by hand from the conventions and not from the code.

use std::collections::BTreeSet;

use allm_telemetry::SpanName;

pub(crate) struct Row {
    pub(crate) span: SpanName,
    attributes: &'static [&'static [&'static str]],
}

impl Row {
    pub(crate) fn lines(&self) -> BTreeSet<String> {
        self.attributes.iter().copied().flatten().map(|line| (*line).to_owned()).collect()
    }
}

const fn row(span: SpanName, attributes: &'static [&'static [&'static str]]) -> Row {
    Row { span, attributes }
}

pub(crate) const OTEL: &[Row] = &[
    row(SpanName::Generate, &[&["gen_ai.operation.name = chat"], MODEL, MESSAGES, RESPONSE, USAGE]),
    row(
        SpanName::Stream,
        &[
            &["gen_ai.operation.name = chat", "gen_ai.request.stream = true"],
            MODEL,
            MESSAGES,
            RESPONSE,
            USAGE,
        ],
    ),
    row(SpanName::Step, &[USAGE]),
    row(SpanName::Chat, &[&["gen_ai.operation.name = invoke_agent"], MODEL, MESSAGES, USAGE]),
    row(
        SpanName::Tool,
        &[&[
            "gen_ai.operation.name = execute_tool",
            "gen_ai.tool.name = search",
            "gen_ai.tool.call.id = call_1",
            "gen_ai.tool.type = function",
            "gen_ai.agent.name = helper",
            "gen_ai.conversation.id = conv-7",
            "gen_ai.tool.call.arguments = the question",
            "gen_ai.tool.call.result = the answer",
        ]],
    ),
    row(
        SpanName::Image,
        &[
            &[
                "gen_ai.operation.name = generate_content",
                "gen_ai.output.type = image",
                "gen_ai.request.choice.count = 2",
            ],
            MODEL,
            MESSAGES,
            RESPONSE,
            USAGE,
        ],
    ),
    row(SpanName::Embed, &[&["gen_ai.operation.name = embeddings"], MODEL, RESPONSE, USAGE]),
    row(SpanName::Moderate, &[&["gen_ai.operation.name = moderate"], MODEL, MESSAGES, RESPONSE, USAGE]),
    row(SpanName::Classify, &[&["gen_ai.operation.name = classify"], MODEL, MESSAGES, RESPONSE, USAGE]),
    row(
        SpanName::Synthesize,
        &[
            &["gen_ai.operation.name = speech", "gen_ai.output.type = speech"],
            MODEL,
            MESSAGES,
            RESPONSE,
            USAGE,
        ],
    ),
    row(
        SpanName::Transcribe,
        &[
            &["gen_ai.operation.name = transcription", "gen_ai.output.type = text"],
            MODEL,
            MESSAGES,
            RESPONSE,
            USAGE,
        ],
    ),
    row(
        SpanName::Retrieve,
        &[
            &[
                "gen_ai.operation.name = retrieval",
                "gen_ai.data_source.id = handbook",
                "gen_ai.retrieval.query.text = the question",
                "gen_ai.retrieval.documents = the answer",
            ],
            MODEL,
        ],
    ),
    row(SpanName::Rerank, &[&["gen_ai.operation.name = rerank"], MODEL, RESPONSE, USAGE]),
];

const MODEL: &[&str] = &[
    "gen_ai.provider.name = openai",
    "gen_ai.request.model = gpt-5",
    "gen_ai.request.temperature = 0.5",
    "gen_ai.request.top_p = 0.9",
    "gen_ai.request.top_k = 40",
    "gen_ai.request.max_tokens = 512",
    "gen_ai.request.seed = -3",
    "gen_ai.request.frequency_penalty = 0.1",
    "gen_ai.request.presence_penalty = 0.2",
    "gen_ai.request.stop_sequences = [\"END\",\"STOP\"]",
    "gen_ai.agent.name = helper",
    "gen_ai.conversation.id = conv-7",
    "server.address = api.openai.com",
    "server.port = 443",
];

const MESSAGES: &[&str] = &[
    r#"gen_ai.input.messages = [{"role":"user","parts":[{"type":"text","content":"the question"}]}]"#,
    r#"gen_ai.output.messages = [{"role":"assistant","parts":[{"type":"text","content":"the answer"}],"finish_reason":"stop"}]"#,
];

const RESPONSE: &[&str] = &[
    "gen_ai.response.model = gpt-5-2026",
    "gen_ai.response.id = resp_1",
    "gen_ai.response.finish_reasons = [\"stop\",\"length\"]",
];

const USAGE: &[&str] = &[
    "gen_ai.usage.input_tokens = 120",
    "gen_ai.usage.output_tokens = 30",
    "gen_ai.usage.cache_read.input_tokens = 100",
    "gen_ai.usage.cache_creation.input_tokens = 8",
    "gen_ai.usage.reasoning.output_tokens = 20",
];

pub(crate) const OPENINFERENCE: &[Row] = &[
    row(SpanName::Generate, &[&["openinference.span.kind = LLM"], IN_ALL, LLM, TOKENS]),
    row(SpanName::Stream, &[&["openinference.span.kind = LLM"], IN_ALL, LLM, TOKENS]),
    row(SpanName::Step, &[&["openinference.span.kind = CHAIN"], IN_ALL, TOKENS]),
    row(SpanName::Chat, &[&["openinference.span.kind = AGENT", "agent.name = helper"], IN_ALL, TOKENS]),
    row(
        SpanName::Tool,
        &[&["openinference.span.kind = TOOL", "tool.name = search", "tool.id = call_1"], IN_ALL],
    ),
    row(SpanName::Image, &[&["openinference.span.kind = LLM"], IN_ALL, LLM, TOKENS]),
    row(
        SpanName::Embed,
        &[
            &[
                "openinference.span.kind = EMBEDDING",
                "llm.provider = openai",
                "llm.system = openai",
                "embedding.model_name = gpt-5-2026",
            ],
            IN_ALL,
            TOKENS,
        ],
    ),
    row(SpanName::Moderate, &[&["openinference.span.kind = GUARDRAIL"], IN_ALL, LLM, TOKENS]),
    row(SpanName::Classify, &[&["openinference.span.kind = EVALUATOR"], IN_ALL, LLM, TOKENS]),
    row(SpanName::Synthesize, &[&["openinference.span.kind = LLM"], IN_ALL, LLM, TOKENS]),
    row(SpanName::Transcribe, &[&["openinference.span.kind = LLM"], IN_ALL, LLM, TOKENS]),
    row(SpanName::Retrieve, &[&["openinference.span.kind = RETRIEVER"], IN_ALL]),
    row(
        SpanName::Rerank,
        &[
            &[
                "openinference.span.kind = RERANKER",
                "llm.provider = openai",
                "llm.system = openai",
                "reranker.model_name = gpt-5-2026",
                "reranker.top_k = 40",
            ],
            IN_ALL,
            TOKENS,
        ],
    ),
];

const IN_ALL: &[&str] = &[
    "session.id = conv-7",
    "input.value = the question",
    "input.mime_type = text/plain",
    "output.value = the answer",
    "output.mime_type = text/plain",
];

const LLM: &[&str] = &["llm.provider = openai", "llm.system = openai", "llm.model_name = gpt-5-2026"];

const TOKENS: &[&str] = &[
    "llm.token_count.prompt = 120",
    "llm.token_count.completion = 30",
    "llm.token_count.total = 150",
    "llm.token_count.prompt_details.cache_read = 100",
    "llm.token_count.prompt_details.cache_write = 8",
    "llm.token_count.completion_details.reasoning = 20",
];

pub(crate) const OWN: &[Row] = &[
    row(SpanName::Generate, &[OURS, TRIED]),
    row(SpanName::Stream, &[OURS, TRIED, STREAMED]),
    row(SpanName::Step, &[OURS]),
    row(SpanName::Chat, &[OURS]),
    row(SpanName::Tool, &[OURS]),
    row(SpanName::Image, &[OURS, TRIED, &["allm.operation = generate", "allm.image_count = 2"]]),
    row(
        SpanName::Embed,
        &[OURS, TRIED, &["allm.input_count = 3", "allm.embedding_count = 2", "allm.batch_count = 2"]],
    ),
    row(
        SpanName::Moderate,
        &[
            OURS,
            TRIED,
            &[
                "allm.input_count = 4",
                "allm.multimodal = true",
                "allm.result_count = 2",
                "allm.flagged_count = 2",
            ],
        ],
    ),
    row(SpanName::Classify, &[OURS, TRIED, &["allm.question_count = 5", "allm.answer_count = 2"]]),
    row(SpanName::Synthesize, &[OURS, TRIED, &["allm.input_length = 6", "allm.audio_bytes = 2"]]),
    row(SpanName::Transcribe, &[OURS, TRIED, &["allm.audio_mime = audio/wav", "allm.text_length = 2"]]),
    row(SpanName::Retrieve, &[OURS, &["allm.document_count = 2"]]),
    row(SpanName::Rerank, &[OURS, TRIED, &["allm.document_count = 8", "allm.result_count = 2"]]),
];

const OURS: &[&str] =
    &["allm.request_id = its own", "allm.span_id = its own", "allm.engine = rig", "allm.outcome = completed"];

const TRIED: &[&str] = &["allm.attempts = 1", "allm.usage_status = reported"];

/// Without a chunk, so there is no time to the first.
const STREAMED: &[&str] =
    &["allm.chunk_count = 0", "allm.producer_wait = 0", "allm.longest_wait = 0", "allm.consumer_time = 0"];
