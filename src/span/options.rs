//! The start keys that a span has only when they are set. Texts may be borrowed; they are copied if the span is observed.
//! An empty text is ignored.

use std::borrow::Cow;

use super::builder::Span;
use crate::event::{Key, Metadata, RequestId, Value};

impl<O> Span<O> {
    /// The client or adapter in use, such as `openai` or `rig`. Inherited by spans inside.
    #[inline]
    pub fn engine<'t>(mut self, engine: impl Into<Cow<'t, str>>) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let Some(engine) = known(engine)
        {
            start.engine = Some(engine);
        }
        self
    }

    /// The model that is asked.
    #[inline]
    pub fn model<'t>(mut self, model: impl Into<Cow<'t, str>>) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let Some(model) = known(model)
        {
            start.model = Some(model);
        }
        self
    }

    /// Who serves the model, as OpenTelemetry names it (`openai`, `anthropic`, `gcp.gemini`), if it is not the engine.
    /// Inherited by spans inside.
    pub fn provider<'t>(self, provider: impl Into<Cow<'t, str>>) -> Self {
        self.start_text("provider", provider)
    }

    /// The agent's name.
    pub fn agent_name<'t>(self, name: impl Into<Cow<'t, str>>) -> Self {
        self.start_text("agent_name", name)
    }

    /// The conversation that this is a turn of. Not the request id: a conversation has many requests.
    pub fn conversation_id<'t>(self, id: impl Into<Cow<'t, str>>) -> Self {
        self.start_text("conversation_id", id)
    }

    /// The host that is asked.
    pub fn server_address<'t>(self, host: impl Into<Cow<'t, str>>) -> Self {
        self.start_text("server_address", host)
    }

    /// The port that is asked.
    pub fn server_port(self, port: u16) -> Self {
        self.start_key("server_port", || port)
    }

    /// Request parameter: the sampling temperature.
    pub fn temperature(self, temperature: f64) -> Self {
        self.start_key("temperature", || temperature)
    }

    /// Request parameter: nucleus sampling.
    pub fn top_p(self, top_p: f64) -> Self {
        self.start_key("top_p", || top_p)
    }

    /// Request parameter: how many tokens are sampled from; of a `rerank`, how many documents are kept.
    pub fn top_k(self, top_k: u64) -> Self {
        self.start_key("top_k", || top_k)
    }

    /// Request parameter: the most tokens to generate.
    pub fn max_tokens(self, tokens: u64) -> Self {
        self.start_key("max_tokens", || tokens)
    }

    /// Request parameter: the seed.
    pub fn seed(self, seed: i64) -> Self {
        self.start_key("seed", || seed)
    }

    /// Request parameter: the frequency penalty.
    pub fn frequency_penalty(self, penalty: f64) -> Self {
        self.start_key("frequency_penalty", || penalty)
    }

    /// Request parameter: the presence penalty.
    pub fn presence_penalty(self, penalty: f64) -> Self {
        self.start_key("presence_penalty", || penalty)
    }

    /// Request parameter: the texts that end generation.
    pub fn stop_sequences<T: Into<Value>>(self, sequences: impl IntoIterator<Item = T>) -> Self {
        self.start_key("stop_sequences", || Value::List(sequences.into_iter().map(Into::into).collect()))
    }

    /// A key of your own. One that the catalogue knows is set as such; one that only the crate sets is left alone.
    ///
    /// Handlers see it; it leaves through a bridge only when named there.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        let key = key.into();
        if key == "request_id" {
            return self.set("request_id", value.into());
        }
        if let Some(start) = self.pending.start_mut() {
            start.set(key, value.into());
        }
        self
    }

    /// The id of the request, which the span and all inside it have. The caller's wins over one that is inherited.
    pub fn request_id(mut self, id: RequestId) -> Self {
        self.pending.give_request_id(id);
        self
    }

    pub(crate) fn start_metadata(self, metadata: Metadata) -> Self {
        metadata.into_iter().fold(self, |span, (key, value)| span.metadata(key, value))
    }

    /// The caller's id wins; one that is none is kept where a reader will find it, and the span gets another.
    fn set(mut self, key: &'static str, value: Value) -> Self {
        match value.as_value_ref().as_str().map(str::parse) {
            Some(Ok(id)) => return self.request_id(id),
            _ if value == Value::Null => {}
            _ => {
                if let Some(start) = self.pending.start_mut() {
                    start.user.insert(format!("invalid_{key}"), value);
                }
            }
        }
        self
    }

    /// Sets a start key to a text, unless it is empty.
    #[inline]
    pub(super) fn start_text<'t>(mut self, key: &'static str, text: impl Into<Cow<'t, str>>) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let Some(text) = known(text)
        {
            start.keys.insert(key, text);
        }
        self
    }

    #[inline]
    pub(super) fn start_key<V: Into<Value>>(mut self, key: &'static str, value: impl FnOnce() -> V) -> Self {
        if let Some(start) = self.pending.start_mut() {
            start.keys.insert(key, value());
        }
        self
    }
}

/// A text that the span keeps; `None` if it is empty, which clients use for what they do not know.
fn known<'t>(text: impl Into<Cow<'t, str>>) -> Option<Key> {
    let text = text.into();
    (!text.is_empty()).then(|| Cow::Owned(text.into_owned()))
}
