//! Headers: what a context writes into them, what it reads from them, and that nothing in them fails a request.

use std::collections::HashMap;

use allm_telemetry::{
    Context, SpanName, event::Phase, prelude::*, propagation::Propagation, testing::Capture, with_request_id,
};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context as OtelContext;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use proptest::prelude::*;

use crate::support::*;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(crate) type Headers = HashMap<String, String>;

pub(crate) fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Headers {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(crate) fn extract(propagation: &Propagation, headers: &Headers) -> Context {
    Context::current().extract(propagation, |name| headers.get(name))
}

pub(crate) fn inject(propagation: &Propagation, context: &Context) -> Headers {
    let mut headers = Headers::new();
    context.inject(propagation, |name, value| {
        assert!(headers.insert(name.to_owned(), value.to_owned()).is_none(), "{name} is set twice");
    });
    headers
}

/// The request id that is read from these headers, and how many values were ignored.
fn id_of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Option<String>, u64) {
    let propagation = Propagation::new();
    let context = extract(&propagation, &headers(pairs));
    (context.request_id().map(|id| id.to_string()), propagation.ignored())
}

fn id(id: &str) -> Option<String> {
    Some(id.to_owned())
}

#[test]
fn a_received_request_id_wins_over_the_trace_id_and_a_valid_one_over_a_malformed_one() {
    let both = [("x-request-id", "req-42"), ("traceparent", PARENT)];
    assert_eq!(id_of(both), (id("req-42"), 0));
    assert_eq!(id_of([("traceparent", PARENT)]), (id(TRACE_ID), 0));
    assert_eq!(id_of([("x-request-id", "two words"), ("traceparent", PARENT)]), (id(TRACE_ID), 1));
    assert_eq!(id_of([("x-request-id", "req-42"), ("traceparent", "garbage")]), (id("req-42"), 1));
    assert_eq!(id_of([("x-request-id", ""), ("traceparent", "")]), (None, 2));
    assert_eq!(id_of([]), (None, 0));
}

#[test]
fn a_traceparent_is_read_as_w3c_defines_it() {
    let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
    let valid = [
        format!("00-{ids}-00"),
        format!("00-{ids}-ff"),
        format!(" \t00-{ids}-01 \t"),
        // A later version has these fields and perhaps more.
        format!("01-{ids}-01"),
        format!("cc-{ids}-01-what-comes-later"),
        format!("fe-{ids}-01-"),
    ];
    for value in &valid {
        assert_eq!(id_of([("traceparent", value.as_str())]), (id(TRACE_ID), 0), "{value}");
    }
    let malformed = [
        format!("ff-{ids}-01"),
        format!("00-{ids}-01-more"),
        format!("00-{ids}-01-"),
        format!("00-{ids}"),
        format!("00-{ids}-1"),
        format!("00-{ids}-0x"),
        format!("00-{ids}-01\n"),
        format!("0-{ids}-01"),
        format!("0A-{ids}-01"),
        format!("cc-{ids}-01.what-comes-later"),
        format!("00-{}-01", ids.to_uppercase()),
        format!("00-{}-01", ids.replace('-', "_")),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01".into(),
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01".into(),
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01".into(),
        "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01".into(),
        "-".into(),
    ];
    for value in &malformed {
        assert_eq!(id_of([("traceparent", value.as_str())]), (None, 1), "{value}");
    }
}

#[test]
fn what_was_received_is_sent_on_as_it_was_except_flags_that_nobody_defined() {
    let propagation = Propagation::new();
    let sent = |parent: &str, state: &str| {
        let received = headers([("traceparent", parent), ("tracestate", state)]);
        let sent = inject(&propagation, &extract(&propagation, &received));
        assert_eq!(sent["x-request-id"], TRACE_ID);
        (sent["traceparent"].clone(), sent.get("tracestate").cloned())
    };
    assert_eq!(sent(PARENT, "a=1,b@c=x y"), (PARENT.into(), Some("a=1,b@c=x y".into())));
    assert_eq!(sent(PARENT, " a=1 ,, \t,b=2"), (PARENT.into(), Some("a=1,b=2".into())));
    let later = format!("cc-{}ff-later", PARENT.strip_prefix("00-").unwrap().strip_suffix("01").unwrap());
    assert_eq!(sent(&later, ""), (format!("{}03", PARENT.strip_suffix("01").unwrap()), None));
    assert_eq!(propagation.ignored(), 0);
}

#[test]
fn a_malformed_tracestate_is_ignored_and_its_traceparent_is_not() {
    let long = "x".repeat(257);
    let many = (0..33).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let malformed = [
        "a",
        "=1",
        "a=",
        "A=1",
        "a=1=2",
        "a=1\r\nx: y",
        "a=é",
        &format!("{long}=1"),
        &format!("a={long}"),
        &many,
    ];
    for state in malformed {
        let propagation = Propagation::new();
        let received = headers([("traceparent", PARENT), ("tracestate", state)]);
        let sent = inject(&propagation, &extract(&propagation, &received));
        assert_eq!((sent["traceparent"].as_str(), sent.get("tracestate")), (PARENT, None), "{state:?}");
        assert_eq!(propagation.ignored(), 1, "{state:?}");
    }
    // Without a parent it is not read.
    assert_eq!(id_of([("tracestate", "malformed")]), (None, 0));
}

#[tokio::test]
async fn without_a_trace_only_the_request_id_is_sent_and_outside_of_requests_nothing() {
    let propagation = Propagation::new();
    assert_eq!(inject(&propagation, &Context::current()), Headers::new());
    let observed = Capture::new();
    let here = || async { (inject(&Propagation::new(), &Context::current()), id_here().unwrap()) };
    let unobserved = here().in_span_infallible(Span::chat()).await;
    let observed = observed.scope(here().in_span_infallible(Span::chat())).await;
    for (sent, id) in [unobserved, observed] {
        assert_eq!(sent, headers([("x-request-id", id.as_str())]));
    }
}

#[tokio::test]
async fn a_request_is_handled_in_what_was_extracted_wherever_it_goes() {
    let capture = Capture::new();
    let propagation = Propagation::new().accept_baggage(["user_id"]).send_baggage(["user_id"]);
    let received = headers([("traceparent", PARENT), ("baggage", "user_id=u-1"), ("x-request-id", "req-42")]);
    let sending = propagation.clone();
    let tool = move || {
        let sending = sending.clone();
        async move { inject(&sending, &Context::current()) }.in_span_infallible(Span::tool("t", "1"))
    };
    let spawning = tool.clone();
    let handle = async move {
        let spawned = allm_telemetry::spawn(spawning()).await.unwrap();
        let elsewhere = tokio::spawn(spawning()).await.unwrap();
        [spawned, elsewhere, spawning().await]
    };
    let context = capture.run(|| extract(&propagation, &received));
    for sent in context.scope(handle.in_span_infallible(Span::chat())).await {
        assert_eq!(sent, received);
    }
    assert_eq!(capture.of_request("req-42").len(), 8);
    for event in capture.events() {
        assert_eq!(text(&event, "user_id"), "u-1");
        assert_eq!(event.as_event().remote_parent().map(ToString::to_string).as_deref(), Some(PARENT));
    }
    // Nobody listens: the same is sent.
    assert_eq!(extract(&propagation, &received).scope(tool()).await, received);
}

#[tokio::test]
async fn what_is_extracted_inside_a_span_is_nested_in_it() {
    let capture = Capture::new();
    let consumer = async {
        let received = headers([("x-request-id", "message-1")]);
        let context = extract(&Propagation::new(), &received);
        context.scope(async { id_here() }.in_span_infallible(Span::step())).await
    };
    let inside = capture.scope(consumer.in_span_infallible(Span::chat().baggage("tenant", "acme"))).await;
    assert_eq!(inside.as_deref(), Some("message-1"));
    let (chat, step) = (end_of(&capture, SpanName::Chat), end_of(&capture, SpanName::Step));
    assert_eq!(step.as_event().parent_span_id(), chat.as_event().span_id());
    assert_eq!(text(&step, "tenant"), "acme");
}

#[test]
fn the_headers_of_the_crate_http_and_the_metadata_of_mcp_are_read_and_written_by_closures() {
    let propagation = Propagation::new().accept_baggage(["a", "b"]).send_baggage(["a", "b"]);
    let mut received = HeaderMap::new();
    for (name, value) in
        [("X-Request-Id", "req-42"), ("Traceparent", PARENT), ("Baggage", "a=1"), ("Baggage", "b=2")]
    {
        received.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_static(value));
    }
    let context = Context::current()
        .extract(&propagation, |name| received.get_all(name).iter().filter_map(|value| value.to_str().ok()));
    let mut sent = HeaderMap::new();
    context.inject(&propagation, |name, value| {
        sent.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    });
    let value = |name: &str| sent[name].to_str().unwrap();
    assert_eq!(
        (value("x-request-id"), value("traceparent"), value("baggage")),
        ("req-42", PARENT, "a=1,b=2")
    );

    let mut meta = serde_json::Map::new();
    context.inject(&propagation, |name, value| drop(meta.insert(name.to_owned(), value.into())));
    meta.insert("progressToken".into(), 7.into());
    let again = Context::current().extract(&propagation, |name| meta.get(name)?.as_str());
    assert_eq!(inject(&propagation, &again), inject(&propagation, &context));
}

#[test]
fn two_values_of_a_header_that_is_no_list_are_ambiguous() {
    let propagation = Propagation::new();
    let two = |name: &str| if name == "traceparent" { vec![PARENT, PARENT] } else { vec![] };
    assert!(Context::current().extract(&propagation, two).request_id().is_none());
    assert_eq!(propagation.ignored(), 1);
}

fn otel_parent(flags: u8, state: &str) -> OtelContext {
    let (trace, span) = (TraceId::from_hex(TRACE_ID).unwrap(), SpanId::from_hex("00f067aa0ba902b7").unwrap());
    let state: TraceState = state.parse().unwrap();
    let span = SpanContext::new(trace, span, TraceFlags::new(flags), true, state);
    OtelContext::new().with_remote_span_context(span)
}

#[test]
fn a_trace_goes_round_through_opentelemetrys_own_propagator() {
    let (theirs, ours) = (TraceContextPropagator::new(), Propagation::new());
    for (flags, state) in [(1, "a=1,b=2"), (0, ""), (1, ""), (0, "tenant@system=x y")] {
        let context = otel_parent(flags, state);
        let mut sent = Headers::new();
        theirs.inject_context(&context, &mut sent);
        let received = inject(&ours, &extract(&ours, &sent));
        let back = theirs.extract(&received);
        assert_eq!(back.span().span_context(), context.span().span_context());
    }
    assert_eq!(ours.ignored(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn garbage_headers_never_fail_a_request(
        garbage in prop::collection::vec(prop::option::of(prop_oneof![any::<String>(), header_like()]), 4),
    ) {
        let propagation = Propagation::new().accept_baggage(["k", "a"]).send_baggage(["k", "a"]);
        let names = ["x-request-id", "traceparent", "tracestate", "baggage"];
        let received: Headers = names.into_iter().map(str::to_owned).zip(garbage).filter_map(|(name, value)| Some((name, value?))).collect();
        let capture = Capture::new();
        let context = capture.run(|| extract(&propagation, &received));
        let answer = futures::executor::block_on(context.clone().scope(async { id_here() }.in_span_infallible(Span::chat())));
        prop_assert!(answer.is_some());
        capture.assert_balanced();
        // What is sent on can be sent, and is read as it was.
        let sent = inject(&propagation, &context);
        for value in sent.values() {
            prop_assert!(HeaderValue::from_str(value).is_ok() && value.is_ascii());
        }
        let ignored = propagation.ignored();
        let again = inject(&propagation, &extract(&propagation, &sent));
        prop_assert_eq!((again, propagation.ignored()), (sent, ignored));
    }
}

/// Texts that are nearly what a header has.
fn header_like() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just(PARENT.to_owned()),
        "[0-9a-f-]{1,60}",
        "[ka]=[ -~]{0,9}",
        "[ ,;=%\t\"\\\\]{1,3}",
        "%[0-9a-fA-F]{0,2}",
        "[!-~]{0,130}",
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

#[tokio::test]
async fn a_span_inside_has_the_remote_parent_and_one_outside_has_none() {
    let capture = Capture::new();
    let propagation = Propagation::new();
    let context = capture.run(|| extract(&propagation, &headers([("traceparent", PARENT)])));
    context.scope(async {}.in_span_infallible(Span::chat())).await;
    capture
        .scope(with_request_id("req-42".parse().unwrap(), async {}.in_span_infallible(Span::step())))
        .await;
    let (chat, step) =
        (the(&capture, SpanName::Chat, Phase::Start), the(&capture, SpanName::Step, Phase::Start));
    let parent = chat.as_event().remote_parent().unwrap().clone();
    assert_eq!(
        (parent.flags(), parent.trace_state(), format!("{parent:?}")),
        (1, "", format!("TraceParent({PARENT})"))
    );
    assert!(step.as_event().remote_parent().is_none());
}
