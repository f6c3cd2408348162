//! OpenTelemetry: the API's no-op tracer when nothing is attached, the SDK with counting processors
//! when somebody does.

use std::hint::black_box;
use std::time::Duration;

use opentelemetry::trace::{Span as _, SpanBuilder, TraceContextExt as _, Tracer, TracerProvider as _};
use opentelemetry::{Context, KeyValue, context::FutureExt as _, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};

use super::by_hand::fresh_id;
use super::tracing_bare::deliveries;
use super::{Contender, Peer, Role};
use crate::row::{Listening, Row};
use crate::shape::Case;
use crate::tally::{deliver, handlers};
use crate::work::{Items, Work};

pub(super) const CONTENDER: Contender = Contender {
    name: "opentelemetry",
    role: Role::Peer,
    note: "no provider while nothing is attached, otherwise the SDK with a counting processor per handler",
    case,
};

fn case(row: &Row) -> Option<Case> {
    match row.listening {
        _ if row.reads_id() => None,
        Listening::ToolStop => None,
        Listening::Nobody => Some(Case::new(Otel(global::tracer("peers")), row, 0)),
        listening => {
            let processors = 0..handlers(listening);
            let provider = processors
                .fold(SdkTracerProvider::builder(), |builder, _| builder.with_span_processor(Count));
            // The SDK's own tracer: the global one would add a box and a dynamic call.
            let tracer = provider.build().tracer("peers");
            Some(Case::new(Otel(tracer), row, deliveries(row)))
        }
    }
}

#[derive(Debug)]
struct Count;

impl SpanProcessor for Count {
    fn on_start(&self, span: &mut Span, _: &Context) {
        black_box(span.is_recording());
        deliver(None);
    }

    fn on_end(&self, span: SpanData) {
        deliver(span.end_time.duration_since(span.start_time).ok());
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

struct Otel<T>(T);

impl<T> Otel<T>
where
    T: Tracer + Send + Sync + 'static,
    T::Span: Send + Sync + 'static,
{
    /// A span in the current context, in a context of its own.
    #[inline]
    fn open(&self, name: &'static str, attributes: Vec<KeyValue>) -> Context {
        let builder = SpanBuilder::from_name(name).with_attributes(attributes);
        Context::current_with_span(self.0.build(builder))
    }
}

fn model() -> Vec<KeyValue> {
    vec![KeyValue::new("engine", "openai"), KeyValue::new("model", "gpt-5")]
}

impl<T> Peer for Otel<T>
where
    T: Tracer + Send + Sync + 'static,
    T::Span: Send + Sync + 'static,
{
    fn read() {
        black_box(Context::map_current(|cx| cx.span().span_context().trace_id()));
    }

    #[inline(always)]
    fn generate(&self, work: impl Work) -> impl Work {
        work.with_context(self.open("generate", model()))
    }

    #[inline(always)]
    fn owned(&self, name: String, work: impl Work) -> impl Work {
        let attributes = vec![
            KeyValue::new("engine", "openai"),
            KeyValue::new("model", name),
            KeyValue::new("request_id", fresh_id().as_str().to_owned()),
        ];
        work.with_context(self.open("generate", attributes))
    }

    #[inline(always)]
    fn chat(&self, work: impl Work) -> impl Work {
        work.with_context(self.open("chat", model()))
    }

    #[inline(always)]
    fn step(&self, work: impl Work) -> impl Work {
        work.with_context(self.open("step", Vec::new()))
    }

    #[inline(always)]
    fn tool(&self, work: impl Work) -> impl Work {
        let attributes = vec![KeyValue::new("tool_name", "search"), KeyValue::new("tool_call_id", "call_1")];
        work.with_context(self.open("tool", attributes))
    }

    #[inline(always)]
    fn stream(&self, items: impl Items) -> impl Items {
        items.with_context(self.open("stream", model()))
    }
}
