//! No byte of content reaches what prints or exports spans, until a policy lets it out.

use std::error::Error;
use std::fmt::{Display, Formatter};
use std::io;
use std::sync::{Arc, Mutex};

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{Content, Policy, Telemetry, adapter_retry, convention::Convention, prelude::*};
use futures::{FutureExt as _, StreamExt as _, stream};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing::dispatcher::{Dispatch, with_default};
use tracing_subscriber::fmt::{self, format::FmtSpan};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use crate::attached;
use crate::support::*;

const SECRET: &str = "hunter2";

/// An error whose text, debug form and source all tell.
#[derive(Debug)]
struct Leaky(Option<Box<Leaky>>, #[allow(dead_code, reason = "its debug form tells it")] &'static str);

impl Display for Leaky {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(SECRET)
    }
}

impl Error for Leaky {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|source| source as _)
    }
}

/// Puts the secret everywhere where content may stand, in spans that end in every way.
fn tell_all(telemetry: &Telemetry) {
    // Another handler may have it all, so all of it is made.
    telemetry.attach_many("all", SpanName::ALL.iter().flat_map(|span| span.events()), |_| {}).unwrap();
    let call = || Span::generate().input(|| SECRET).metadata("note", SECRET);
    let works = async {
        adapter_retry(1, ms(1), SECRET);
        SECRET.to_owned()
    };
    let output = |reply: &String| reply.clone();
    let told = |_: &String, record: &mut Record<'_>| {
        record.result(|| SECRET);
        record.metadata("later", SECRET);
    };
    telemetry
        .scope(works.in_span_infallible(call().output(output).observe(told).keep_response()))
        .now_or_never();
    let fails = async { Err::<(), _>(Leaky(Some(Box::new(Leaky(None, SECRET))), SECRET)) };
    telemetry.scope(fails.in_span(Span::tool("search", "1").input(|| SECRET))).now_or_never();
    let panics = async { std::panic::resume_unwind(Box::new(SECRET)) }.in_span_infallible(call());
    assert_eq!(panic_text(|| -> Option<()> { telemetry.scope(panics).now_or_never() }), SECRET);
    let chunks = stream::iter([Err::<(), _>(Leaky(None, SECRET))]);
    let chunks = telemetry.run(|| chunks.in_span(Span::stream().input(|| SECRET)));
    assert_eq!(chunks.count().now_or_never(), Some(1));
    telemetry.run(|| Span::chat().input(|| SECRET).start().error("denied", SECRET));
}

/// What a subscriber that prints, prints as JSON and exports has written of all that.
fn written(policy: Policy) -> String {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let (plain, json) = (Bytes(bytes.clone()), Bytes(bytes.clone()));
    let subscriber = Registry::default()
        .with(fmt::layer().with_span_events(FmtSpan::FULL).with_writer(move || plain.clone()))
        .with(fmt::layer().with_span_events(FmtSpan::FULL).json().with_writer(move || json.clone()))
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")));
    let telemetry = attached(Tracing::new().convention(Convention::new().policy(policy)));
    with_default(&Dispatch::new(subscriber), || tell_all(&telemetry));
    let spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 5);
    format!("{}\n{spans:?}", String::from_utf8(bytes.lock().unwrap().clone()).unwrap())
}

#[derive(Clone)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl io::Write for Bytes {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_content_leaves_unless_it_is_turned_on() {
    let written = written(Policy::new());
    for told in ["panicked", "denied", "allm.adapter.retry", "exception.stacktrace", "chat"] {
        assert!(written.contains(told), "{told} is not in {written}");
    }
    assert!(!written.contains(SECRET), "{written}");
}

#[test]
fn content_leaves_through_the_redactor_only() {
    let written = written(Policy::new().content(Content::ALL, |key, _| Some(format!("<{key}>").into())));
    for told in ["<input>", "<output>", "<error>", "<reason>", "input.value", "otel.status_description"] {
        assert!(written.contains(told), "{told} is not in {written}");
    }
    assert!(!written.contains(SECRET), "{written}");
}

#[test]
fn content_leaves_field_by_field() {
    let errors = written(Policy::new().content_unredacted(Content::ERROR));
    assert!(errors.contains(SECRET) && !errors.contains("input.value") && !errors.contains("output.value"));
}
