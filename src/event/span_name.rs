use std::fmt;
use std::str::FromStr;

use super::catalogue::{STREAM_MEASUREMENTS, SpanRow};
use super::event_name::EventName;
use super::known_event::KnownEvent;
use super::phase::Phase;

/// The kind of a span.
///
/// The set is closed, so a misspelt name is a parse error.
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
// To add a span, add a variant here, to `ALL` and to `row`, and a constructor to `Span`. The compiler reports the matches in
// `convention/`, and the tests the tables that they compare with.
// The doc line of a variant is the description in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SpanName {
    /// One request to a model, answered with a complete response.
    Generate,
    /// One request to a model, answered with a stream of chunks.
    Stream,
    /// One round of an agent: a model call and the tools it asked for.
    Step,
    /// One conversation turn: the outermost span of an agent.
    Chat,
    /// One tool that the model asked for.
    Tool,
    /// Images generated or edited.
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

    /// Returns the catalogue entry of this span: its name, start keys, measurements and result keys.
    ///
    /// Event names and the table in the documentation are generated from these rows.
    #[must_use]
    pub const fn row(self) -> &'static SpanRow {
        match self {
            Self::Generate => &SpanRow {
                name: "generate",
                description: "one request to a model, answered with a complete response",
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
            Self::Stream => &SpanRow {
                name: "stream",
                description: "one request to a model, answered with a stream of chunks",
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
                description: "images generated or edited",
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
                result_keys: &["documents", "usage", "usage_status", "attempts"],
                ..CALL
            },
        }
    }

    /// Returns the name as used in event names: `generate`, `stream`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Returns whether the span is a model call. A span that is not a call is a boundary: spans inside it do not belong to
    /// the enclosing call.
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

    /// Returns the names of the two events that end this span, `stop` and `exception`, for handlers that need every end event.
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
        // `Stop` and `Exception` are the last two phases.
        &self.events()[Phase::Stop as usize..]
    }
}

/// The defaults of a call. Most calls have no response metadata (model, id, finish reasons).
const CALL: SpanRow =
    SpanRow { result_keys: &["response", "usage", "usage_status", "attempts"], is_call: true, ..WORK };

/// The defaults of a span that is not a call.
const WORK: SpanRow = SpanRow {
    name: "",
    description: "",
    start_keys: &[],
    measurements: &[],
    result_keys: &[],
    is_call: false,
};

// Other tables are indexed by `name as usize`, so `ALL` must be in the order of declaration. A row that forgets to override an
// empty default would otherwise go unnoticed.
const _: () = {
    let mut index = 0;
    while index < SpanName::ALL.len() {
        assert!(
            SpanName::ALL[index] as usize == index,
            "`ALL` must list the variants in the order of declaration"
        );
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

/// The error returned when parsing a [`SpanName`] fails. Its text lists the valid names.
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
        write!(f, "unknown span name {:?}; expected one of: {}", self.given, valid.join(", "))
    }
}

impl std::error::Error for ParseSpanNameError {}
