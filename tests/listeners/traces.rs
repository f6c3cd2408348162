//! Listeners that give the trace of their spans to other processes, and take the one of those that call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use allm_telemetry::{
    Context, Event, Listener, SpanName, Telemetry,
    prelude::*,
    propagation::{Propagation, TraceParent},
    testing::Capture,
};

use crate::support::*;

/// A tracing system whose span ids are those of the crate. Its state is the trace.
#[derive(Default)]
struct Traces {
    follows: Option<SpanName>,
    panics: bool,
    /// The remote parents that its spans started with.
    parents: Arc<Mutex<Vec<Option<TraceParent>>>>,
}

impl Listener for Traces {
    type Built = ();
    type State = TraceParent;

    fn follows(&self, span: SpanName) -> bool {
        self.follows.is_none_or(|followed| followed == span)
    }

    fn on_build(&self) {}

    fn on_start(&self, event: &Event<'_>, (): (), _: Option<&TraceParent>) -> TraceParent {
        self.parents.lock().unwrap().push(event.remote_parent().cloned());
        let id = event.span_id().unwrap().to_u64().to_be_bytes();
        TraceParent::new([7; 16], id, 1).unwrap().with_trace_state("ours=1").unwrap()
    }

    fn on_end(&self, _: &TraceParent, _: &Event<'_>) {}

    fn trace_parent(&self, state: &TraceParent) -> Option<TraceParent> {
        if self.panics { lost() } else { Some(state.clone()) }
    }
}

fn sent() -> HashMap<String, String> {
    let mut headers = HashMap::new();
    Context::current().inject(&Propagation::new(), |name, value| {
        headers.insert(name.to_owned(), value.to_owned());
    });
    headers
}

#[tokio::test]
async fn the_headers_have_the_trace_of_the_nearest_span_that_the_listener_follows() {
    let capture = Capture::new();
    let traces = Traces { follows: Some(SpanName::Step), ..Traces::default() };
    capture.telemetry().listen("traces", traces).unwrap();
    let tool = async { sent() }.in_span_infallible(Span::tool("t", "1"));
    let step = async { allm_telemetry::spawn(tool).await.unwrap() }.in_span_infallible(Span::step());
    let sent = capture.scope(step.in_span_infallible(Span::chat())).await;
    let step = end_of(&capture, SpanName::Step).as_event().span_id().unwrap();
    assert_eq!(sent["traceparent"], format!("00-07070707070707070707070707070707-{step}-01"));
    assert_eq!(sent["tracestate"], "ours=1");
}

#[tokio::test]
async fn a_listener_sees_the_remote_parent_in_every_span_of_the_request() {
    let (telemetry, traces) = (Telemetry::new(), Traces::default());
    let parents = traces.parents.clone();
    telemetry.listen("traces", traces).unwrap();
    let remote = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let request = async {
        let get = |name: &str| (name == "traceparent").then_some(remote);
        let context = Context::current().extract(&Propagation::new(), get);
        context.scope(async {}.in_span_infallible(Span::step()).in_span_infallible(Span::chat())).await;
        async {}.in_span_infallible(Span::chat()).await;
    };
    telemetry.scope(request).await;
    let parents = parents.lock().unwrap();
    let texts: Vec<_> = parents.iter().map(|parent| parent.as_ref().map(TraceParent::to_string)).collect();
    assert_eq!(texts, [Some(remote.to_owned()), Some(remote.to_owned()), None]);
}

#[tokio::test]
async fn a_listener_that_panics_when_headers_are_written_is_detached_and_the_others_are_written() {
    let capture = Capture::new();
    capture.telemetry().listen("traces", Traces { panics: true, ..Traces::default() }).unwrap();
    let twice = async { (sent(), sent()) };
    let (first, second) = capture.scope(twice.in_span_infallible(Span::chat())).await;
    let id = request_of(&end_of(&capture, SpanName::Chat));
    for sent in [first, second] {
        assert_eq!(sent, HashMap::from([("x-request-id".to_owned(), id.clone())]));
    }
    let failures = capture.named("telemetry.handler.failure");
    assert_eq!(failures.len(), 1);
    assert_eq!(text(&failures[0], "handler_id"), "traces");
}
