use std::fmt;
use std::str::FromStr;

use super::catalogue::{STREAM_MEASUREMENTS, SpanRow};
use super::event_name::EventName;
use super::known_event::KnownEvent;
use super::phase::Phase;

/// What kind of work a span stands for.
///
/// The set is closed: a misspelt name is an error when it is parsed, not a second, empty dashboard.
///
/// # Examples
///
/// ```
/// use allm_telemetry::SpanName;
///
/// assert_eq!("tool".parse(), Ok(SpanName::Tool));
/// let error = "chats".parse::<SpanName>().unwrap_err();
/// assert!(error.to_string().contains("generate, stream, step, chat, tool"));
/// ```
// A new span: a variant here, in `ALL` and in `row`, and a constructor of `Span`. The compiler finds what else is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SpanName {
    /// One request to a model, answered at once.
    Generate,
    /// One request to a model, answered chunk by chunk.
    Stream,
    /// One round of an agent: a model call and the tools it asked for.
    Step,
    /// One conversation turn: the outermost span of an agent.
    Chat,
    /// One tool that the model asked for.
    Tool,
    /// Images made or changed.
    Image,
    /// Texts turned into vectors.
    Embed,
    /// Inputs checked against a policy.
    Moderate,
    /// Inputs sorted into classes, or questions about them answered.
    Classify,
    /// Text turned into speech.
    Synthesize,
    /// Speech turned into text.
    Transcribe,
    /// Documents looked up for a query.
    Retrieve,
    /// Documents sorted by how well they answer a query.
    Rerank,
}

impl SpanName {
    /// Every span name, in the order of the catalogue.
    pub const ALL: &'static [Self] = &[
        Self::Generate,
        Self::Stream,
        Self::Step,
        Self::Chat,
        Self::Tool,
        Self::Image,
        Self::Embed,
        Self::Moderate,
        Self::Classify,
        Self::Synthesize,
        Self::Transcribe,
        Self::Retrieve,
        Self::Rerank,
    ];

    /// Returns the span's row of the catalogue: its name, and what its events carry besides what all events carry.
    ///
    /// Names, events and the docs' table are made from these rows.
    #[must_use]
    pub const fn row(self) -> &'static SpanRow {
        match self {
            Self::Generate => &SpanRow {
                name: "generate",
                description: "one request to a model, answered at once",
                result_keys: &[
                    "response",
                    "usage",
                    "response_model",
                    "response_id",
                    "finish_reasons",
                    "attempts",
                ],
                ..CALL
            },
            Self::Stream => &SpanRow {
                name: "stream",
                description: "one request to a model, answered chunk by chunk",
                measurements: STREAM_MEASUREMENTS,
                result_keys: &[
                    "response",
                    "usage",
                    "usage_status",
                    "response_model",
                    "response_id",
                    "finish_reasons",
                    "attempts",
                ],
                ..CALL
            },
            Self::Step => &SpanRow {
                name: "step",
                description: "one round of an agent: a model call and the tools it asked for",
                result_keys: &["step_result"],
                ..WORK
            },
            Self::Chat => &SpanRow {
                name: "chat",
                description: "one conversation turn: the outermost span of an agent",
                result_keys: &["chat_result"],
                ..WORK
            },
            Self::Tool => &SpanRow {
                name: "tool",
                description: "one tool that the model asked for",
                start_keys: &["tool_call_id", "tool_name"],
                result_keys: &["result"],
                ..WORK
            },
            Self::Image => &SpanRow {
                name: "image",
                description: "images made or changed",
                start_keys: &["operation", "n"],
                measurements: &["image_count"],
                ..CALL
            },
            Self::Embed => &SpanRow {
                name: "embed",
                description: "texts turned into vectors",
                start_keys: &["input_count"],
                measurements: &["embedding_count", "batch_count"],
                ..CALL
            },
            Self::Moderate => &SpanRow {
                name: "moderate",
                description: "inputs checked against a policy",
                start_keys: &["input_count", "multimodal"],
                measurements: &["result_count", "flagged_count"],
                ..CALL
            },
            Self::Classify => &SpanRow {
                name: "classify",
                description: "inputs sorted into classes, or questions about them answered",
                start_keys: &["question_count"],
                measurements: &["answer_count"],
                ..CALL
            },
            Self::Synthesize => &SpanRow {
                name: "synthesize",
                description: "text turned into speech",
                start_keys: &["input_length"],
                measurements: &["audio_bytes"],
                ..CALL
            },
            Self::Transcribe => &SpanRow {
                name: "transcribe",
                description: "speech turned into text",
                start_keys: &["audio_mime"],
                measurements: &["text_length"],
                ..CALL
            },
            Self::Retrieve => &SpanRow {
                name: "retrieve",
                description: "documents looked up for a query",
                start_keys: &["data_source", "top_k"],
                measurements: &["document_count"],
                result_keys: &["documents"],
                ..WORK
            },
            Self::Rerank => &SpanRow {
                name: "rerank",
                description: "documents sorted by how well they answer a query",
                start_keys: &["document_count"],
                measurements: &["result_count"],
                result_keys: &["documents", "usage", "attempts"],
                ..CALL
            },
        }
    }

    /// Returns the name as it stands in event names: `generate`, `stream`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Returns whether the span is a call: it asks a model. A span that is none separates what happens inside it from
    /// the call around it.
    pub(crate) const fn is_call(self) -> bool {
        self.row().is_call
    }

    /// Returns the name of one of this span's events: `SpanName::Tool.event(Phase::Stop)` is `allm.tool.stop`.
    #[must_use]
    pub const fn event(self, phase: Phase) -> EventName {
        EventName::known(KnownEvent::Span(self, phase))
    }

    /// Returns the names of all events of this span, for [`attach_many`](crate::attach_many).
    #[must_use]
    pub fn events(self) -> &'static [EventName] {
        KnownEvent::of_span(self)
    }

    /// Returns the names of the two events that end this span, `stop` and `exception`, for a handler that wants every
    /// end.
    ///
    /// A call that fails with an error ends with `stop`; one that times out, is aborted or panics ends with
    /// `exception`. A handler of `stop` alone misses those.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::{Event, SpanName};
    ///
    /// allm_telemetry::attach_many("ends", SpanName::Generate.ends(), |event: &Event<'_>| {
    ///     println!("{:?} after {:?}", event.outcome(), event.duration());
    /// })?;
    /// # allm_telemetry::detach("ends").unwrap();
    /// # Ok::<(), allm_telemetry::handler::AttachError>(())
    /// ```
    #[must_use]
    pub fn ends(self) -> &'static [EventName] {
        &self.events()[Phase::Stop as usize..]
    }
}

/// What calls have in common: most have no other result than their response.
const CALL: SpanRow = SpanRow { result_keys: &["response", "usage", "attempts"], is_call: true, ..WORK };

/// What the other spans have in common.
const WORK: SpanRow = SpanRow {
    name: "",
    description: "",
    start_keys: &[],
    measurements: &[],
    result_keys: &[],
    is_call: false,
};

// Tables are indexed by `as usize` and filled from `ALL`, and `CALL` and `WORK` leave open what every span must have.
const _: () = {
    let mut index = 0;
    while index < SpanName::ALL.len() {
        assert!(SpanName::ALL[index] as usize == index, "ALL lists the variants in their order");
        let row = SpanName::ALL[index].row();
        assert!(!row.name.is_empty() && !row.description.is_empty() && !row.result_keys.is_empty());
        index += 1;
    }
};

impl fmt::Display for SpanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for SpanName {
    type Err = ParseSpanNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|name| name.as_str() == text);
        found.copied().ok_or_else(|| ParseSpanNameError { given: text.into() })
    }
}

/// The error of parsing a [`SpanName`]. Its text lists the valid names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseSpanNameError {
    given: Box<str>,
}

impl ParseSpanNameError {
    /// Returns the text that is not a span name.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }
}

impl fmt::Display for ParseSpanNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let valid: Vec<&str> = SpanName::ALL.iter().map(|name| name.as_str()).collect();
        write!(f, "unknown span name {:?}, valid are: {}", self.given, valid.join(", "))
    }
}

impl std::error::Error for ParseSpanNameError {}
