use std::sync::Arc;

use super::super::context::Context;
use super::super::node::Node;
use super::baggage;
use super::settings::Propagation;
use crate::event::{Inherited, RequestId, RequestIdCell, TraceParent, Value, trim};

const REQUEST_ID: &str = "x-request-id";
const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";

impl Context {
    /// Writes this context as headers for a request to another process. `set` is called with the name, in lower case, and the
    /// value of each.
    ///
    /// | header | value |
    /// |---|---|
    /// | `x-request-id` | the request id, if this is the context of a request |
    /// | `traceparent`, `tracestate` | the OpenTelemetry span of `bridge::otel`; without one, those that were [extracted](Self::extract); otherwise they are not set |
    /// | `baggage` | the baggage that `propagation` sends |
    ///
    /// The last three are from [W3C Trace Context](https://www.w3.org/TR/trace-context/) and
    /// [W3C Baggage](https://www.w3.org/TR/baggage/). Baggage is sent as text.
    ///
    /// Inject only into requests to services that you trust with the ids. All values are visible ASCII and spaces. If your
    /// OpenTelemetry spans are created in another way, such as by `tracing-opentelemetry`, write `traceparent` and `tracestate` with
    /// OpenTelemetry's own propagator.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use allm_telemetry::{propagation::Propagation, with_baggage, with_request_id, Context};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let propagation = Propagation::new().send_baggage(["tenant"]);
    /// let call = async {
    ///     let mut headers = HashMap::new();
    ///     Context::current().inject(&propagation, |name, value| {
    ///         headers.insert(name.to_owned(), value.to_owned());
    ///     });
    ///     headers
    /// };
    /// let headers = with_request_id("req-42".parse()?, with_baggage([("tenant", "acme")], call)).await;
    /// assert_eq!(headers["x-request-id"], "req-42");
    /// assert_eq!(headers["baggage"], "tenant=acme");
    /// # Ok(())
    /// # }
    /// ```
    pub fn inject(&self, propagation: &Propagation, mut set: impl FnMut(&str, &str)) {
        if let Some(id) = self.request_id() {
            set(REQUEST_ID, id.as_str());
        }
        if let Some(parent) = self.trace_parent() {
            set(TRACE_PARENT, &parent.to_string());
            if !parent.trace_state().is_empty() {
                set(TRACE_STATE, parent.trace_state());
            }
        }
        let Some(inherited) = self.inherited() else { return };
        let sent = inherited.baggage.iter().filter(|(key, _)| propagation.sends(key));
        let texts = sent.filter_map(|(key, value)| Some((key, value.as_value_ref().to_text()?)));
        let baggage = baggage::encode(texts, || propagation.ignore_one());
        if !baggage.is_empty() {
            set(BAGGAGE, &baggage);
        }
    }

    /// Returns this context with what the headers of a request from another process say. `get` is called with the name of a
    /// header, in lower case, and returns its values: an `Option` or several, of any text.
    ///
    /// - The request id is `x-request-id`. Without it, it is the trace id of `traceparent`; without both, it does not change.
    /// - `traceparent` and `tracestate` name the parent of the OpenTelemetry spans that `bridge::otel` creates inside.
    /// - The entries of `baggage` that `propagation` accepts are added to the [baggage](crate::with_baggage), as text.
    ///
    /// What is malformed is ignored and [counted](Propagation::ignored). It is never an error.
    ///
    /// Use [`scope`](Self::scope) or [`run`](Self::run) to handle the request in the returned context.
    ///
    /// # Examples
    ///
    /// Middleware of a server, such as axum's `from_fn`. For a header that occurs more than once, `get` can return
    /// `headers.get_all(name).iter().filter_map(|value| value.to_str().ok())`.
    ///
    /// ```
    /// use allm_telemetry::{current_request_id, propagation::Propagation, Context};
    /// use hyper::Request; // the type of the crate `http`
    ///
    /// async fn propagate<B, R>(
    ///     propagation: &Propagation,
    ///     request: Request<B>,
    ///     next: impl AsyncFnOnce(Request<B>) -> R,
    /// ) -> R {
    ///     let headers = request.headers();
    ///     let context = Context::current().extract(propagation, |name| headers.get(name)?.to_str().ok());
    ///     context.scope(next(request)).await
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let request = Request::builder().header("x-request-id", "req-42").body(()).unwrap();
    /// let handler = async |_| current_request_id().map(|id| id.to_string());
    /// let id = propagate(&Propagation::new(), request, handler).await;
    /// assert_eq!(id.as_deref(), Some("req-42"));
    /// # }
    /// ```
    ///
    /// The `_meta` of a request of the Model Context Protocol, which is a map of JSON values:
    ///
    /// ```
    /// use allm_telemetry::{propagation::Propagation, Context};
    ///
    /// let meta: serde_json::Value = serde_json::json!({ "x-request-id": "req-42" });
    /// let context = Context::current().extract(&Propagation::new(), |name| meta[name].as_str());
    /// assert_eq!(context.request_id().unwrap().as_str(), "req-42");
    /// ```
    #[must_use]
    pub fn extract<I>(&self, propagation: &Propagation, mut get: impl FnMut(&str) -> I) -> Self
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let count = |is_malformed: bool| {
            if is_malformed {
                propagation.ignore_one()
            }
        };
        let id = get(REQUEST_ID).into_iter().next().map(|id| trim(id.as_ref()).parse::<RequestId>().ok());
        count(id == Some(None));

        let mut parents = get(TRACE_PARENT).into_iter();
        let parent = parents.next().map(|parent| TraceParent::parse(trim(parent.as_ref())));
        // It is not a list, so a second one makes it ambiguous.
        let parent = parent.map(|parent| parent.filter(|_| parents.next().is_none()));
        count(parent == Some(None));
        let parent = parent.flatten().map(|parent| {
            // Not read without a valid `traceparent`, as W3C requires.
            let states = join(get(TRACE_STATE));
            let with_states = parent.clone().with_trace_state(&states);
            count(with_states.is_none());
            with_states.unwrap_or(parent)
        });

        let mut inherited = Inherited { remote_parent: parent, ..Inherited::default() };
        baggage::decode(&join(get(BAGGAGE)), |member| match member {
            Some((key, value)) if propagation.accepts(key) => {
                inherited.baggage.insert(key.to_owned(), value);
            }
            Some(_) => {}
            None => propagation.ignore_one(),
        });
        self.received(id.flatten(), inherited)
    }

    /// Returns the context inside a scope with what was received.
    fn received(&self, id: Option<RequestId>, inherited: Inherited) -> Self {
        let trace_id = inherited.remote_parent.as_ref().map(TraceParent::trace_id_text);
        // 32 hex digits are a valid id.
        let id = id.or_else(|| trace_id?.parse().ok());
        let is_empty = inherited.baggage.is_empty() && inherited.remote_parent.is_none();
        if id.is_none() && is_empty {
            return self.clone();
        }
        let request = id.map(RequestIdCell::Known).or_else(|| self.request());
        self.with_inherited(request, (!is_empty).then(|| Arc::new(inherited)))
    }

    /// Returns the position in a trace that a request from this context has: the nearest of a span of a listener, and of what
    /// was extracted.
    fn trace_parent(&self) -> Option<TraceParent> {
        let node = self.node()?;
        let remote = |inherited: Option<&Arc<Inherited>>| inherited?.remote_parent.clone();
        let received = remote(node.inherited());
        let span = node.lineage().find(|node| node.start().is_some());
        // A span with another remote parent is outside of the scope of this one.
        if received.is_some() && remote(span.and_then(Node::inherited)) != received {
            return received;
        }
        node.states().and_then(|states| states.trace_parent()).or(received)
    }

    /// Returns a value of the [baggage](crate::with_baggage) of this context by its key.
    #[must_use]
    pub fn baggage(&self, key: &str) -> Option<&Value> {
        self.inherited()?.baggage.get(key)
    }
}

/// Joins the values of a header that is a list.
fn join(values: impl IntoIterator<Item: AsRef<str>>) -> String {
    let mut joined = String::new();
    for value in values {
        let separator = if joined.is_empty() { "" } else { "," };
        joined.extend([separator, value.as_ref()]);
    }
    joined
}
