//! Makes each span a span of [`tracing`](https://docs.rs/tracing), with the names and attributes of a
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
//! // Prints a line when a span closes. Without it, `fmt` prints only your own logs, and not how a call ended.
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
//! - The spans' names are ours (`generate`, `stream`, `chat`, …), because a name is static in `tracing`. The convention's
//!   name is in the field `otel.name`, the span's kind in `otel.kind`. Lists are text in JSON.
//! - The end adds fields: `allm.outcome`, tokens, the response's model, `error.type`; for an error or a panic also
//!   `otel.status_code`, and `otel.status_description` if the policy allows its text. A panic is an event named `exception`
//!   as well.
//! - The first chunk and each retry are events inside their span, with our event's name as `message`.
//! - A span whose bridge was detached before it ended ends when the call is dropped, as `unobserved`.
//!
//! # Target and level
//!
//! Spans and events have the target [`allm_telemetry`](Tracing::TARGET) and the level `INFO`, whatever the outcome. A filter
//! for your own crate alone disables them: `RUST_LOG=myapp=debug` has to be `RUST_LOG=myapp=debug,allm_telemetry=info`. Or
//! set a [target](Tracing::target) of your own.
//!
//! # Which subscriber, which parent
//!
//! Both are taken where the span is built, as `tracing`'s own spans do. The subscriber is the one of the scope there (a
//! task's, by `WithSubscriber`, or a thread's), otherwise of the scope where the span starts, otherwise the process's,
//! installed before or after the bridge. While the span's work runs, on any task or thread, that subscriber is the default.
//!
//! The parent is the span that is current there, which is yours if you opened one between two of ours. If there is none, it
//! is the span that is current where the span starts.
//!
//! # How it works
//!
//! A name or a field has to be declared by a callsite, which `tracing`'s macros make at compile time. Here the names depend
//! on the convention, so `Callsites` makes one callsite for each span name when the bridge is attached. A span's `State` keeps
//! the subscriber (`ScopedDispatch`) and, until the call ends, a reference to the subscriber's span (`SubscriberSpan`). It
//! is entered around every poll, with that subscriber as the default. `Values` collects attributes until they are recorded
//! together.
//!
//! # What to know
//!
//! - A background task that outlives its span does not enter it again, and spans that start there are roots, because an ended
//!   span takes no children. Work that is inside the span when it ends keeps it open until it leaves, so await what belongs
//!   to a call.
//! - `tracing-opentelemetry` marks a span as failed when you log an `error!` in it.
//! - With `tracing-opentelemetry` and this crate's bridge to OpenTelemetry both on, each call shows twice. If you want both, count
//!   tokens once: [`without_usage`](crate::convention::Convention::without_usage).
//! - A subscriber that panics does not affect the call: the bridge is detached and reported, like any listener.

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
