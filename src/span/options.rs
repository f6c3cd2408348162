//! The optional start keys of a span. A borrowed text is copied only if the span may be observed. `None` and an empty text are
//! not set, because clients use them for values that they do not have.
//!
//! What is one of a few names, such as the engine, is not copied if it is a literal: its lifetime is `'static`. A model or an id
//! differs from call to call, and may be borrowed for any lifetime.

use super::builder::{Span, copy};
use crate::event::{Key, Metadata, OptionalNumber, OptionalText, RequestId, Value};

impl<O> Span<O> {
    /// Sets the client library or adapter in use, such as `openai` or `rig`. Inherited by nested spans.
    #[inline]
    pub fn engine(mut self, engine: impl OptionalText<'static>) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let Some(engine) = engine.given()
        {
            start.engine = Some(engine);
        }
        self
    }

    /// Sets the requested model.
    #[inline]
    pub fn model<'t>(mut self, model: impl OptionalText<'t>) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let Some(model) = model.given()
        {
            start.model = Some(model.into());
        }
        self
    }

    /// Sets the provider that serves the model, if it is not the engine. Use the names of OpenTelemetry: `openai`,
    /// `anthropic`, `gcp.gemini`. Inherited by nested spans.
    pub fn provider(self, provider: impl OptionalText<'static>) -> Self {
        self.start_text("provider", || provider.given())
    }

    /// Sets the name of the agent. Inherited by nested spans.
    pub fn agent_name(self, name: impl OptionalText<'static>) -> Self {
        self.start_text("agent_name", || name.given())
    }

    /// Sets the id of the conversation to which this turn belongs. Inherited by nested spans. It is not the request id: a
    /// conversation consists of many requests.
    pub fn conversation_id<'t>(self, id: impl OptionalText<'t>) -> Self {
        self.start_text("conversation_id", || copy(id))
    }

    /// Sets the host of the server that receives the request.
    pub fn server_address<'t>(self, host: impl OptionalText<'t>) -> Self {
        self.start_text("server_address", || copy(host))
    }

    /// Sets the port of the server that receives the request.
    pub fn server_port(self, port: impl OptionalNumber) -> Self {
        self.start_number("server_port", port)
    }

    /// Sets a request parameter: the sampling temperature.
    pub fn temperature(self, temperature: impl OptionalNumber) -> Self {
        self.start_number("temperature", temperature)
    }

    /// Sets a request parameter: the probability mass for nucleus sampling.
    pub fn top_p(self, top_p: impl OptionalNumber) -> Self {
        self.start_number("top_p", top_p)
    }

    /// Sets a request parameter: the number of tokens to sample from or, on a `rerank` span, of documents to keep.
    pub fn top_k(self, top_k: impl OptionalNumber) -> Self {
        self.start_number("top_k", top_k)
    }

    /// Sets a request parameter: the maximum number of tokens to generate.
    pub fn max_tokens(self, tokens: impl OptionalNumber) -> Self {
        self.start_number("max_tokens", tokens)
    }

    /// Sets a request parameter: the seed.
    pub fn seed(self, seed: impl OptionalNumber) -> Self {
        self.start_number("seed", seed)
    }

    /// Sets a request parameter: the frequency penalty.
    pub fn frequency_penalty(self, penalty: impl OptionalNumber) -> Self {
        self.start_number("frequency_penalty", penalty)
    }

    /// Sets a request parameter: the presence penalty.
    pub fn presence_penalty(self, penalty: impl OptionalNumber) -> Self {
        self.start_number("presence_penalty", penalty)
    }

    /// Sets a request parameter: the texts that end the generation. An `Option` of a list is taken as well.
    pub fn stop_sequences<T: Into<Value>>(mut self, sequences: impl IntoIterator<Item = T>) -> Self {
        if let Some(start) = self.pending.start_mut() {
            let mut all = Vec::new();
            for sequence in sequences {
                match sequence.into() {
                    // The item of an `Option` of a list.
                    Value::List(sequences) => all.extend(sequences),
                    sequence => all.push(sequence),
                }
            }
            if !all.is_empty() {
                start.keys.insert("stop_sequences", all);
            }
        }
        self
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

    /// Sets a start key to a text, if there is one.
    #[inline]
    pub(super) fn start_text(mut self, key: &'static str, text: impl FnOnce() -> Option<Key>) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let Some(text) = text()
        {
            start.keys.insert(key, text);
        }
        self
    }

    fn start_number(mut self, key: &'static str, number: impl OptionalNumber) -> Self {
        if let Some(start) = self.pending.start_mut()
            && let Some(number) = number.given()
        {
            start.keys.insert(key, Value::Number(number));
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
