//! Each span is a span of [`tracing`](https://docs.rs/tracing), with the names and attributes of a
//! [`Convention`](crate::convention::Convention) as its fields.
//!
//! It is entered around every poll of what the span wraps, around its drop, and around whatever carries its context to
//! other tasks and threads. So your own `info!` and `info_span!` nest in it, and `tracing-subscriber`,
//! `tracing-opentelemetry` and every other subscriber work unchanged:
//!
//! ```standalone_crate
//! use allm_telemetry::{bridge::tracing::Tracing, prelude::*, Telemetry, convention::{Convention, Profile}};
//! use tracing_subscriber::fmt::format::FmtSpan;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A line when a span closes: without it, `fmt` writes your own logs alone, and how a call ended stands nowhere.
//! tracing_subscriber::fmt().with_span_events(FmtSpan::CLOSE).init();
//! // The names of one profile: those of both, as by default, make long lines.
//! let names = Convention::new().profiles([Profile::Otel1_41]);
//! Tracing::new().convention(names).attach("tracing", &Telemetry::global())?;
//!
//! async { tracing::info!("asking") }.in_span_infallible(Span::generate().model("gpt-5")).await;
//! // INFO generate{otel.name="chat gpt-5" otel.kind="client" gen_ai.operation.name="chat" …}: asking
//! // INFO generate{otel.name="chat gpt-5" … allm.outcome="completed" …}: close time.busy=131µs time.idle=9.04µs
//! # allm_telemetry::detach("tracing")?;
//! # Ok(())
//! # }
//! ```
//!
//! To OpenTelemetry, through `tracing-opentelemetry`:
//!
//! ```standalone_crate
//! use allm_telemetry::{bridge::tracing::Tracing, prelude::*, Telemetry};
//! use opentelemetry::trace::TracerProvider as _;
//! use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
//! use tracing_subscriber::layer::SubscriberExt as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let exporter = InMemorySpanExporter::default(); // in place of one that sends
//! let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
//! let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("my-service"));
//! tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
//! Tracing::new().attach("tracing", &Telemetry::global())?;
//!
//! async {}.in_span_infallible(Span::generate().model("gpt-5")).await;
//!
//! let spans = exporter.get_finished_spans()?;
//! assert_eq!(spans[0].name, "chat gpt-5");
//! # allm_telemetry::detach("tracing")?;
//! # Ok(())
//! # }
//! ```
//!
//! # What a subscriber sees
//!
//! - The spans' names are ours (`generate`, `stream`, `chat`, …), because a name is static in `tracing`; what the
//!   convention calls them is in the field `otel.name`, what they are in `otel.kind`. Lists are text in JSON.
//! - The end adds fields: `allm.outcome`, tokens, the response's model, `error.type`; for an error or a panic also
//!   `otel.status_code`, and `otel.status_description` if the policy lets its text out. A panic is an event named `exception` as well.
//! - The first chunk and each retry are events inside their span, with the names of ours as `message`.
//! - A span whose bridge was detached before it ended ends when the call is dropped, as `unobserved`.
//!
//! # Target and level
//!
//! Spans and events have the target [`allm_telemetry`](Tracing::TARGET) and the level `INFO`, whatever happened. A filter for your
//! own crate alone silences them: `RUST_LOG=myapp=debug` has to be `RUST_LOG=myapp=debug,allm_telemetry=info`. Or
//! give them a [target](Tracing::target) of your own.
//!
//! # Which subscriber, which parent
//!
//! Both are taken where the span is built, as `tracing`'s own spans do. The subscriber is the one of the scope there (a task's, by
//! `WithSubscriber`, or a thread's), else of the scope where the span starts, else the process's, installed
//! before or after the bridge. While the span's work runs, on any task or thread, that subscriber is the default one.
//!
//! The parent is the span that is current there, which is yours if you opened one between two of ours. If none is, it is the span that is
//! current where the span starts.
//!
//! # What to know
//!
//! - A background task that goes on after its span has ended does not enter it again, and what starts there begins a tree of its own: a
//!   span that has ended takes no children. Work that is inside the span when it ends keeps it open until it leaves, so await what belongs to
//!   a call.
//! - `tracing-opentelemetry` marks a span as failed when you log an `error!` in it; that is its decision.
//! - With `tracing-opentelemetry` and this crate's bridge to OpenTelemetry both on, each call shows twice. If you want both, count
//!   tokens once: [`without_usage`](crate::convention::Convention::without_usage).
//! - A subscriber that panics does not harm the call: the bridge is detached and reported, as every listener.

mod bridge;
mod builder;
mod callsite;
mod callsites;
mod current;
mod scoped_dispatch;
mod state;
mod subscriber_span;
mod values;

pub use builder::Tracing;
