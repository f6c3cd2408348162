//! The start keys that a span has only when they are set.

use super::builder::Span;
use crate::event::{Key, Metadata, RequestId, Value};

impl<O> Span<O> {
    /// The client or adapter in use, such as `openai` or `rig`. Inherited by spans inside.
    #[inline]
    pub fn engine(mut self, engine: impl Into<Key>) -> Self {
        if let Some(start) = self.pending.start_mut() {
            start.engine = Some(engine.into());
        }
        self
    }

    /// The model that is asked.
    #[inline]
    pub fn model(mut self, model: impl Into<Key>) -> Self {
        if let Some(start) = self.pending.start_mut() {
            start.model = Some(model.into());
        }
        self
    }

    /// Who serves the model, as OpenTelemetry names it (`openai`, `anthropic`, `gcp.gemini`), if it is not the engine.
    /// Inherited by spans inside.
    pub fn provider(self, provider: impl Into<Key>) -> Self {
        self.start_key("provider", || provider.into())
    }

    /// The agent's name.
    pub fn agent_name(self, name: impl Into<Key>) -> Self {
        self.start_key("agent_name", || name.into())
    }

    /// The conversation that this is a turn of. Not the request id: a conversation has many requests.
    pub fn conversation_id(self, id: impl Into<Key>) -> Self {
        self.start_key("conversation_id", || id.into())
    }

    /// The host that is asked.
    pub fn server_address(self, host: impl Into<Key>) -> Self {
        self.start_key("server_address", || host.into())
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

    #[inline]
    pub(super) fn start_key<V: Into<Value>>(mut self, key: &'static str, value: impl FnOnce() -> V) -> Self {
        if let Some(start) = self.pending.start_mut() {
            start.keys.insert(key, value());
        }
        self
    }
}
