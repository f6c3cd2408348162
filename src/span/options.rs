//! The optional start keys of a span. A borrowed text is copied only if the span may be observed. An empty text is ignored,
//! because clients use it for values that they do not have.

use std::borrow::Cow;

use super::builder::{Span, copy};
use crate::event::{Key, Metadata, RequestId, Value};

impl<O> Span<O> {
    /// Sets the client library or adapter in use, such as `openai` or `rig`. Inherited by nested spans.
    #[inline]
    pub fn engine(mut self, engine: impl Into<Key>) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let Some(engine) = known(engine.into())
        {
            start.engine = Some(engine);
        }
        self
    }

    /// Sets the requested model.
    #[inline]
    pub fn model<'t>(mut self, model: impl Into<Cow<'t, str>>) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let model = model.into()
            && !model.is_empty()
        {
            start.model = Some(model.into());
        }
        self
    }

    /// Sets the provider that serves the model, if it is not the engine. Use the names of OpenTelemetry: `openai`,
    /// `anthropic`, `gcp.gemini`. Inherited by nested spans.
    pub fn provider(self, provider: impl Into<Key>) -> Self {
        self.start_text("provider", || provider.into())
    }

    /// Sets the name of the agent. Inherited by nested spans.
    pub fn agent_name(self, name: impl Into<Key>) -> Self {
        self.start_text("agent_name", || name.into())
    }

    /// Sets the id of the conversation to which this turn belongs. Inherited by nested spans. It is not the request id: a
    /// conversation consists of many requests.
    pub fn conversation_id<'t>(self, id: impl Into<Cow<'t, str>>) -> Self {
        self.start_text("conversation_id", || copy(id))
    }

    /// Sets the host of the server that receives the request.
    pub fn server_address<'t>(self, host: impl Into<Cow<'t, str>>) -> Self {
        self.start_text("server_address", || copy(host))
    }

    /// Sets the port of the server that receives the request.
    pub fn server_port(self, port: u16) -> Self {
        self.start_key("server_port", || port)
    }

    /// Sets a request parameter: the sampling temperature.
    pub fn temperature(self, temperature: f64) -> Self {
        self.start_key("temperature", || temperature)
    }

    /// Sets a request parameter: the probability mass for nucleus sampling.
    pub fn top_p(self, top_p: f64) -> Self {
        self.start_key("top_p", || top_p)
    }

    /// Sets a request parameter: the number of tokens to sample from or, on a `rerank` span, of documents to keep.
    pub fn top_k(self, top_k: u64) -> Self {
        self.start_key("top_k", || top_k)
    }

    /// Sets a request parameter: the maximum number of tokens to generate.
    pub fn max_tokens(self, tokens: u64) -> Self {
        self.start_key("max_tokens", || tokens)
    }

    /// Sets a request parameter: the seed.
    pub fn seed(self, seed: i64) -> Self {
        self.start_key("seed", || seed)
    }

    /// Sets a request parameter: the frequency penalty.
    pub fn frequency_penalty(self, penalty: f64) -> Self {
        self.start_key("frequency_penalty", || penalty)
    }

    /// Sets a request parameter: the presence penalty.
    pub fn presence_penalty(self, penalty: f64) -> Self {
        self.start_key("presence_penalty", || penalty)
    }

    /// Sets a request parameter: the texts that end the generation.
    pub fn stop_sequences<T: Into<Value>>(self, sequences: impl IntoIterator<Item = T>) -> Self {
        self.start_key("stop_sequences", || Value::List(sequences.into_iter().map(Into::into).collect()))
    }

    /// Sets a user-defined key. A [standard key](crate::event) that has a method on this builder is set as by that method.
    /// A key that only the crate sets, such as `span_id`, is ignored.
    ///
    /// Handlers receive user-defined keys; exporters send only those that they are configured to send.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        let key = key.into();
        // Not a start key: it changes the context of the span even if the span is not observed.
        if key == "request_id" {
            return self.request_id_from(value.into());
        }
        if let Some(start) = self.pending.start_mut() {
            start.set(key, value.into());
        }
        self
    }

    /// Adds a user-defined key to the metadata of the span and of all spans inside, on any task, such as the user or the tenant
    /// that a request is for. Call it again for another key. It does so even if the span itself is not observed.
    ///
    /// See [`with_baggage`](crate::with_baggage), which does the same without a span.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let user = 42;
    /// let answer = async { "an answer" }.in_span_infallible(Span::generate());
    /// answer.in_span_infallible(Span::chat().baggage("user_id", user)).await;
    /// # }
    /// ```
    pub fn baggage(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.pending.add_baggage(key.into(), value.into());
        self
    }

    /// Sets the request id of the span and of all nested spans. It takes precedence over an inherited id.
    pub fn request_id(mut self, id: RequestId) -> Self {
        self.pending.set_request_id(id);
        self
    }

    pub(crate) fn start_metadata(self, metadata: Metadata) -> Self {
        metadata.into_iter().fold(self, |span, (key, value)| span.metadata(key, value))
    }

    /// Sets the request id from a value. An invalid id is recorded as `invalid_request_id`, and the span then has the id
    /// that it would have without.
    fn request_id_from(mut self, value: Value) -> Self {
        match value.as_value_ref().as_str().map(str::parse) {
            Some(Ok(id)) => return self.request_id(id),
            _ if value == Value::Null => {}
            _ => {
                if let Some(start) = self.pending.start_mut() {
                    start.keys.insert("invalid_request_id", value);
                }
            }
        }
        self
    }

    /// Sets a start key to a text, unless it is empty.
    #[inline]
    pub(super) fn start_text(mut self, key: &'static str, text: impl FnOnce() -> Key) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let Some(text) = known(text())
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

/// Returns the text, or `None` if it is empty, which clients use for what they do not know.
fn known(text: Key) -> Option<Key> {
    (!text.is_empty()).then_some(text)
}
