//! A call of a model as a `tracing` span, with the fields of the conventions: through our bridge, and
//! as one writes it by hand.

use std::hint::black_box;

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{
    Event, Record, Span, SpanName, Telemetry, Usage, attach_many, current_request_id, event::Key, prelude::*,
};
use tracing::field::Empty;
use tracing::{Instrument as _, info_span};

use super::by_hand::fresh_id;
use super::tracing_bare::deliveries;
use super::{Contender, Peer, Role, tracing_registry};
use crate::row::{Listening, Row};
use crate::shape::Case;
use crate::work::{Items, Output, Work};

pub(super) const CONTENDER: Contender = Contender {
    name: "span by hand",
    role: Role::LessWork,
    note: "a tracing span with the same fields as the bridge to tracing sets, ids included, under the \
           registry and layer of `tracing + registry`",
    case: |row| case(row, ByHand),
};

pub(super) const IN_OURS: Contender = Contender {
    name: "span by hand in ours",
    role: Role::LessWork,
    note: "the same inside a span of this crate that a handler observes, without a bridge: a lower bound for a bridge \
           that costs no more than a hand-written span",
    case: |row| {
        let look = |event: &Event<'_>| {
            black_box(event.duration());
        };
        attach_many("peers", SpanName::Generate.events(), look).expect("a free id");
        case(row, InOurs)
    },
};

fn case(row: &Row, peer: impl Peer) -> Option<Case> {
    let fits = row.listening == Listening::Registry;
    fits.then(|| {
        tracing_registry::install(row);
        Case::new(peer, row, deliveries(row))
    })
}

/// Ours, with the bridge attached.
pub(super) fn bridged(row: &Row) -> Case {
    tracing_registry::install(row);
    Tracing::new().attach("peers", &Telemetry::global()).expect("a free id");
    Case::new(Bridged, row, deliveries(row))
}

struct ByHand;

/// What the call gave, as both record it.
const INPUT: u64 = 812;
const OUTPUT: u64 = 96;

// Not known to the compiler: a program reads them from the response.

fn answered() -> &'static str {
    black_box("gpt-5-2026")
}

fn response_id() -> &'static str {
    black_box("chatcmpl-1")
}

async fn call(model: &str, work: impl Work) -> Output {
    let span = info_span!(
        "generate",
        otel.name = format!("chat {model}"),
        otel.kind = "client",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = model,
        openinference.span.kind = "LLM",
        llm.provider = "openai",
        llm.system = "openai",
        allm.request_id = fresh_id().as_str(),
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
        let output = work.await;
        let span = tracing::Span::current();
        let (input, told) = (INPUT.cast_signed(), OUTPUT.cast_signed());
        span.record("gen_ai.response.model", answered());
        span.record("gen_ai.response.id", response_id());
        span.record("gen_ai.usage.input_tokens", input);
        span.record("gen_ai.usage.output_tokens", told);
        span.record("llm.model_name", answered());
        span.record("llm.token_count.prompt", input);
        span.record("llm.token_count.completion", told);
        span.record("llm.token_count.total", input + told);
        span.record("allm.outcome", if output.is_ok() { "completed" } else { "error" });
        span.record("allm.attempts", 1_i64);
        output
    };
    inside.instrument(span).await
}

struct Bridged;

fn tell(_: &u64, record: &mut Record<'_>) {
    record.usage(Usage::new().input(INPUT).output(OUTPUT));
    record.response_model(answered());
    record.response_id(response_id());
}

impl Bridged {
    #[inline(always)]
    fn call(&self, model: impl Into<Key>, work: impl Work) -> impl Work {
        let model: Key = model.into();
        work.in_span(Span::generate().engine("openai").model(model).observe(tell))
    }
}

struct InOurs;

impl InOurs {
    #[inline(always)]
    fn call(&self, model: impl Into<Key>, work: impl Work) -> impl Work {
        let model = model.into();
        Bridged.call(model.clone(), async move { call(&model, work).await })
    }
}

impl ByHand {
    #[inline(always)]
    fn call(&self, model: impl Into<Key>, work: impl Work) -> impl Work {
        let model = model.into();
        async move { call(&model, work).await }
    }
}

/// The rows of the bridge have calls of a model alone.
macro_rules! peer {
    ($name:ty, $read:expr) => {
        impl Peer for $name {
            fn read() {
                black_box($read);
            }

            #[inline(always)]
            fn generate(&self, work: impl Work) -> impl Work {
                self.call(black_box("gpt-5"), work)
            }

            #[inline(always)]
            fn owned(&self, model: String, work: impl Work) -> impl Work {
                self.call(model, work)
            }

            fn chat(&self, work: impl Work) -> impl Work {
                work
            }

            fn step(&self, work: impl Work) -> impl Work {
                work
            }

            fn tool(&self, work: impl Work) -> impl Work {
                work
            }

            fn stream(&self, items: impl Items) -> impl Items {
                items
            }
        }
    };
}

peer!(ByHand, tracing::Span::current().id());
peer!(Bridged, current_request_id());
peer!(InOurs, current_request_id());
