use std::fmt;

use super::group::Group;
use super::instrument::Instrument;
use crate::event::{Content, SpanName};

/// Where one attribute's value comes from.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub(super) key: &'static str,
    pub(super) source: Source,
}

impl Rule {
    /// The attribute's name.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// What must be let out for it to be sent: [`Content::NONE`] if it is no content.
    #[must_use]
    pub fn content(&self) -> Content {
        match self.source {
            Source::Input(_) => Content::INPUT,
            Source::Output(_) => Content::OUTPUT,
            _ => Content::NONE,
        }
    }

    /// Where the value comes from, in words.
    #[must_use]
    pub fn source(&self) -> String {
        self.source.to_string()
    }
}

/// A convention: what the spans are called, and the attributes of each.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) version: &'static str,
    pub(super) vocabulary: &'static Vocabulary,
    /// In the order of [`SpanName::ALL`].
    pub(super) spans: [Row; SpanName::ALL.len()],
}

/// What stands once, whichever profiles are sent: names of spans, and instruments.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// In the order of [`SpanName::ALL`].
    pub(super) names: [Named; SpanName::ALL.len()],
    pub(super) instruments: &'static [Instrument],
}

/// What a span is called: its operation, and what it is about.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) operation: &'static str,
    pub(super) subject: Option<Subject>,
    pub(super) kind: SpanKind,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    Model,
    Agent,
    Tool,
    DataSource,
}

/// What a span is to a tracing system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanKind {
    /// It asks a server: a call of a model.
    Client,
    /// Work of this process.
    Internal,
}

/// A span's attributes, those known at its start and those known at its end, in groups that spans share.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) start: &'static [Group],
    pub(super) end: &'static [Group],
}

impl Table {
    pub(super) const fn row(&self, span: SpanName) -> &Row {
        &self.spans[span as usize]
    }
}

impl Vocabulary {
    pub(super) fn named(&self, span: SpanName) -> &Named {
        &self.names[span as usize]
    }
}

impl Row {
    pub(super) fn rules(&self) -> impl Iterator<Item = &'static Rule> {
        self.start.iter().chain(self.end).flat_map(|group| group.rules)
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Is(&'static str),
    True,
    Operation,
    RequestId,
    SpanId,
    Asked(Asked),
    /// An optional start key.
    Option(&'static str, As),
    /// A start key of the span's own row.
    Own(&'static str, As),
    Outcome,
    Attempts,
    UsageStatus,
    /// The class of an error or a panic, through the guard.
    ErrorType,
    Answered(Answered),
    FinishReasons,
    /// Stands in groups that [need](super::group::Needs::Usage) usage, and nothing else does.
    Tokens(Tokens),
    /// A count of the span's own row.
    Count(&'static str),
    Stream(StreamPart),
    Input(Form),
    Output(Form),
}

/// The type of a value outside.
#[derive(Clone, Copy, Debug)]
pub(super) enum As {
    Text,
    Int,
    Float,
    Bool,
    Texts,
}

/// Who is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Engine,
    /// The provider, else the engine, else `_OTHER`. Both are inherited.
    Provider,
    Model,
}

/// Who answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answered {
    Model,
    /// The response's model, else the one that was asked.
    ModelElseAsked,
    Id,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Tokens {
    Input,
    Output,
    Total,
    CacheRead,
    CacheWrite,
    Reasoning,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum StreamPart {
    Chunks,
    /// In seconds, as the rest.
    FirstChunk,
    ProducerWait,
    LongestWait,
    ConsumerTime,
}

/// The shape of content.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Text as it is, a structure as JSON.
    Text,
    /// `text/plain` or `application/json`.
    MimeType,
    /// A list of messages with parts, as JSON.
    Messages,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Is(text) => return write!(f, "always `{text}`"),
            Self::Option(key, _) | Self::Own(key, _) | Self::Count(key) => return write!(f, "`{key}`"),
            Self::Tokens(tokens) => return tokens.fmt(f),
            Self::Stream(part) => return part.fmt(f),
            Self::Input(form) => return write!(f, "content: `input`{form}"),
            Self::Output(form) => return write!(f, "content: `output`, else the span's result{form}"),
            Self::True => "always true",
            Self::Operation => "the operation",
            Self::RequestId => "`request_id`",
            Self::SpanId => "`span_id`",
            Self::Asked(Asked::Engine) => "`engine`",
            Self::Asked(Asked::Provider) => "`provider`, else `engine`, else `_OTHER`",
            Self::Asked(Asked::Model) => "`model`",
            Self::Outcome => "`outcome`",
            Self::Attempts => "`attempts`",
            Self::UsageStatus => "`usage_status`",
            Self::ErrorType => "`error_type`, if the outcome is `error` or `panicked`",
            Self::Answered(Answered::Model) => "`response_model`",
            Self::Answered(Answered::ModelElseAsked) => "`response_model`, else `model`",
            Self::Answered(Answered::Id) => "`response_id`",
            Self::FinishReasons => "`finish_reasons`",
        };
        f.write_str(words)
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "`usage`: `input_tokens`",
            Self::Output => "`usage`: `output_tokens`",
            Self::Total => "`usage`: `input_tokens` + `output_tokens`",
            Self::CacheRead => "`usage`: `cached_tokens`",
            Self::CacheWrite => "`usage`: `cache_write_tokens`",
            Self::Reasoning => "`usage`: `reasoning_tokens`",
        })
    }
}

impl fmt::Display for StreamPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chunks => "`chunk_count`",
            Self::FirstChunk => "`time_to_first_chunk` in seconds",
            Self::ProducerWait => "`producer_wait` in seconds",
            Self::LongestWait => "`longest_wait` in seconds",
            Self::ConsumerTime => "`consumer_time` in seconds",
        })
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "",
            Self::MimeType => ": its media type",
            Self::Messages => ", as a list of messages in JSON",
        })
    }
}
