//! `cargo bench --manifest-path benches/peers/Cargo.toml --bench otel`: our bridge to OpenTelemetry beside the same span by
//! hand and through tracing-opentelemetry.
//!
//! All go to the same SDK, to a processor that looks at each span and lets it go. The engine is a literal for all of them;
//! the models and the id of the response are read at run time, as in a program that has them from its settings and from the
//! response, so whoever keeps them copies them. The budgets: at most 1.35 times the span
//! by hand and our span with a handler in place of the bridge; at most half of tracing-opentelemetry.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use allm_telemetry::bridge::otel::Otel;
use allm_telemetry::{Event, Listener, Record, RequestId, Span, SpanName, Telemetry, Usage, prelude::*};
use opentelemetry::trace::{SpanBuilder, SpanKind, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue, context::FutureExt as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanProcessor};
use tracing::Instrument as _;
use tracing::field::Empty;
use tracing_subscriber::layer::SubscriberExt as _;

const INPUT: i64 = 812;
const OUTPUT: i64 = 96;

type Output = Result<u64, Infallible>;

// Not known to the compiler, as in a program.

fn model() -> &'static str {
    black_box("gpt-5")
}

fn answered() -> &'static str {
    black_box("gpt-5-2026")
}

fn response_id() -> &'static str {
    black_box("chatcmpl-1")
}

/// Pending so many times, then ready.
struct Work(u32);

impl Future for Work {
    type Output = Output;

    // Out of line: a call of a model is not inlined into its wrapper either.
    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Output> {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                Poll::Pending
            }
            None => Poll::Ready(Ok(black_box(1))),
        }
    }
}

fn drive(work: impl Future<Output = Output>) {
    let mut work = pin!(work);
    let mut cx = TaskContext::from_waker(Waker::noop());
    while work.as_mut().poll(&mut cx).is_pending() {}
}

#[derive(Debug)]
struct Look;

impl SpanProcessor for Look {
    fn on_start(&self, span: &mut opentelemetry_sdk::trace::Span, _: &Context) {
        black_box(span);
    }

    fn on_end(&self, span: SpanData) {
        assert!(span.attributes.len() >= 19, "the same attributes for all");
        black_box(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn provider() -> SdkTracerProvider {
    SdkTracerProvider::builder().with_span_processor(Look).build()
}

fn ours(telemetry: Telemetry) -> impl Fn(u32) {
    let tell = |_: &u64, record: &mut Record<'_>| {
        record.usage(Usage::new().input(INPUT).output(OUTPUT));
        record.response_model(answered());
        record.response_id(response_id());
    };
    move |pending| {
        telemetry.run(|| {
            drive(Work(pending).in_span(Span::generate().engine("openai").model(model()).observe(tell)));
        });
    }
}

fn by_hand(tracer: SdkTracer) -> impl Fn(u32) {
    move |pending| {
        let attributes = vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", "openai"),
            KeyValue::new("gen_ai.request.model", model().to_owned()),
            KeyValue::new("openinference.span.kind", "LLM"),
            KeyValue::new("llm.provider", "openai"),
            KeyValue::new("llm.system", "openai"),
            KeyValue::new("allm.request_id", RequestId::random().as_str().to_owned()),
            KeyValue::new("allm.span_id", format!("{:016x}", rand::random::<u64>())),
            KeyValue::new("allm.engine", "openai"),
        ];
        let builder = SpanBuilder::from_name(format!("chat {}", model()));
        let builder = builder.with_kind(SpanKind::Client).with_attributes(attributes);
        let context = Context::current_with_span(tracer.build(builder));
        drive(
            async {
                let output = Work(pending).await;
                Context::map_current(|context| {
                    let span = context.span();
                    span.set_attributes([
                        KeyValue::new("gen_ai.response.model", answered().to_owned()),
                        KeyValue::new("gen_ai.response.id", response_id().to_owned()),
                        KeyValue::new("gen_ai.usage.input_tokens", INPUT),
                        KeyValue::new("gen_ai.usage.output_tokens", OUTPUT),
                        KeyValue::new("llm.model_name", answered().to_owned()),
                        KeyValue::new("llm.token_count.prompt", INPUT),
                        KeyValue::new("llm.token_count.completion", OUTPUT),
                        KeyValue::new("llm.token_count.total", INPUT + OUTPUT),
                        KeyValue::new("allm.outcome", if output.is_ok() { "completed" } else { "error" }),
                        KeyValue::new("allm.attempts", 1_i64),
                    ]);
                    span.end();
                });
                output
            }
            .with_context(context),
        );
    }
}

fn through_tracing(pending: u32) {
    let span = tracing::info_span!(
        "generate",
        otel.name = format!("chat {}", model()),
        otel.kind = "client",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = model(),
        openinference.span.kind = "LLM",
        llm.provider = "openai",
        llm.system = "openai",
        allm.request_id = RequestId::random().as_str(),
        allm.span_id = format!("{:016x}", rand::random::<u64>()),
        allm.engine = "openai",
        gen_ai.response.model = Empty,
        gen_ai.response.id = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        llm.model_name = Empty,
        llm.token_count.prompt = Empty,
        llm.token_count.completion = Empty,
        llm.token_count.total = Empty,
        allm.outcome = Empty,
        allm.attempts = Empty,
    );
    let inside = async {
        let output = Work(pending).await;
        let span = tracing::Span::current();
        span.record("gen_ai.response.model", answered());
        span.record("gen_ai.response.id", response_id());
        span.record("gen_ai.usage.input_tokens", INPUT);
        span.record("gen_ai.usage.output_tokens", OUTPUT);
        span.record("llm.model_name", answered());
        span.record("llm.token_count.prompt", INPUT);
        span.record("llm.token_count.completion", OUTPUT);
        span.record("llm.token_count.total", INPUT + OUTPUT);
        span.record("allm.outcome", if output.is_ok() { "completed" } else { "error" });
        span.record("allm.attempts", 1_i64);
        output
    };
    drive(inside.instrument(span));
}

/// A listener around polls that does nothing: what ours pays for being asked.
struct Nothing;

impl Listener for Nothing {
    type Built = ();
    type State = ();

    fn wants_around(&self) -> bool {
        true
    }

    fn on_build(&self) {}

    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}

    fn on_end(&self, (): &(), _: &Event<'_>) {}
}

type Case = (&'static str, Box<dyn Fn(u32)>);

fn cases() -> [Case; 6] {
    let layer = tracing_opentelemetry::layer().with_tracer(provider().tracer("peers"));
    // Global, as in a service; whoever uses no `tracing` does not meet it.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).expect("the first");

    let observed = Telemetry::new();
    let look = |event: &Event<'_>| {
        black_box(event.duration());
    };
    observed.attach_many("peers", SpanName::Generate.events(), look).expect("a free id");

    let listened = Telemetry::new();
    listened.listen("peers", Nothing).expect("a free id");

    let bridged = |set_up: fn(Otel) -> Otel| {
        let telemetry = Telemetry::new();
        let otel = set_up(Otel::new().tracer_provider(provider()));
        otel.attach("otel", &telemetry).expect("a free id");
        Box::new(ours(telemetry))
    };
    let metered =
        |otel: Otel| otel.meter_provider(opentelemetry_sdk::metrics::SdkMeterProvider::builder().build());
    [
        ("by hand", Box::new(by_hand(provider().tracer("peers")))),
        ("ours, a handler", Box::new(ours(observed))),
        ("ours, an idle listener", Box::new(ours(listened))),
        ("tracing-opentelemetry", Box::new(through_tracing)),
        ("ours, the bridge", bridged(Otel::without_metrics)),
        ("the same with metrics", bridged(metered)),
    ]
}

fn main() {
    let mut samples = 300;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        // The others are cargo's own, and what is meant for the table of all peers.
        if argument == "--samples" {
            samples = arguments.next().and_then(|it| it.parse().ok()).expect("--samples N");
        }
    }
    let cases = cases();
    for polls in [1, 20] {
        let medians = measure(&cases, polls, samples);
        println!(
            "\nA call of a model that is polled {polls} times, ns a span, medians of {samples} samples:"
        );
        for ((name, _), median) in cases.iter().zip(medians) {
            println!("  {name:<24} {median:>8.1}");
        }
        let [by_hand, observed, _, tracing, bridge, _] = medians;
        judge("by hand + ours with a handler", bridge, by_hand + observed, 1.35);
        judge("tracing-opentelemetry", bridge, tracing, 0.5);
    }
}

fn judge(other: &str, ours: f64, theirs: f64, limit: f64) {
    let ratio = ours / theirs;
    let verdict = if ratio <= limit { "met" } else { "missed" };
    println!("  {verdict:<7} ours {ours:.0} ns, {other} {theirs:.0} ns, ratio {ratio:.2} (at most {limit})");
}

/// They take turns, so that a noisy moment hits all of them.
fn measure(cases: &[Case; 6], polls: u32, samples: usize) -> [f64; 6] {
    // Short, so that most samples are not interrupted on a busy machine.
    const RUNS: u32 = 50;
    let mut times: [Vec<f64>; 6] = Default::default();
    for sample in 0..=samples {
        for ((_, run), times) in cases.iter().zip(&mut times) {
            let begun = Instant::now();
            (0..RUNS).for_each(|_| run(polls - 1));
            let took = begun.elapsed();
            // The first warms up.
            if sample > 0 {
                times.push(took.as_nanos() as f64 / f64::from(RUNS));
            }
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}
