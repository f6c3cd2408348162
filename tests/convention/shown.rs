//! What a convention makes of events.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use allm_telemetry::{
    Content, Policy, Span, SpanName, Telemetry, Usage,
    convention::{Attribute, Convention},
    event::{ChunkKind, Clock, Outcome, OwnedEvent, Phase},
    testing::Capture,
};

use crate::support::{lost, span_of};

pub(crate) const OUTCOMES: [Outcome; 5] =
    [Outcome::Completed, Outcome::Dropped, Outcome::Cancelled, Outcome::Error, Outcome::Panicked];

pub(crate) fn every_end() -> impl Iterator<Item = (SpanName, Outcome)> {
    SpanName::ALL.iter().flat_map(|&span| OUTCOMES.map(|outcome| (span, outcome)))
}

pub(crate) fn all_content() -> Convention {
    Convention::new().policy(Policy::new().content_unredacted(Content::ALL))
}

/// Time stands still, so that every time is 0.
struct Frozen;

impl Clock for Frozen {
    fn monotonic(&self) -> u64 {
        1
    }

    fn system(&self, _: u64) -> u64 {
        1
    }
}

pub(crate) fn events(work: impl FnOnce()) -> Vec<OwnedEvent> {
    let capture = Capture::on(Telemetry::with_clock(Frozen)).unwrap();
    capture.run(work);
    capture.assert_balanced();
    capture.events()
}

/// A span of which nothing is known but that it was.
pub(crate) fn bare(name: SpanName) -> Vec<OwnedEvent> {
    events(|| span_of(name).start().complete())
}

/// A span of which everything is known, and that ended in this way.
pub(crate) fn ended(name: SpanName, outcome: Outcome) -> Vec<OwnedEvent> {
    events(|| {
        let mut span = loaded(name).input(|| "the question").start();
        span.record(|record| {
            let usage = Usage::new().input(120_u64).output(30_u64).cached(100_u64).cache_write(8_u64);
            record.usage(usage.reasoning(20_u64));
            record.response_model("gpt-5-2026");
            record.response_id("resp_1");
            record.finish_reason("stop");
            record.finish_reason_of(1, "length");
            record.output(|| "the answer");
            name.row().measurements.iter().for_each(|key| record.measurement(*key, 2));
        });
        match outcome {
            Outcome::Completed => span.complete(),
            Outcome::Error => span.error("timeout", "the text"),
            Outcome::Cancelled => span.cancel(),
            Outcome::Panicked => {
                let panic = AssertUnwindSafe(|| span.enter(lost::<()>));
                catch_unwind(panic).unwrap_err();
            }
            _ => {
                span.chunk(|_| {});
                drop(span);
            }
        }
    })
}

/// A span with what few spans have: every part of a usage, one of which is too large, the optional results, and a request id that
/// is not valid.
pub(crate) fn ended_with_rare_results(name: SpanName) -> Vec<OwnedEvent> {
    events(|| {
        let mut span = span_of(name).metadata("request_id", "has space").start();
        span.record(|record| {
            let usage = Usage::new().input(90).cached(900).cache_write_5m(2).cache_write_1h(3).output(80);
            let usage =
                usage.tool_prompt_beside(4).audio_input(5).image_input(6).audio_output(7).image_output(8);
            record.usage(usage.web_searches(9).billed_input(10).billed_output(11).tier("flex").cost(0.5));
            record.provider_request_id("req_1");
        });
        for kind in [ChunkKind::Reasoning, ChunkKind::Answer] {
            span.chunk(|record| record.chunk_kind(kind));
        }
        span.complete();
    })
}

fn loaded(name: SpanName) -> Span {
    span_of(name)
        .engine("rig")
        .provider("openai")
        .model("gpt-5")
        .agent_name("helper")
        .conversation_id("conv-7")
        .server_address("api.openai.com")
        .server_port(443)
        .temperature(0.5)
        .top_p(0.9)
        .top_k(40)
        .max_tokens(512)
        .seed(-3)
        .frequency_penalty(0.1)
        .presence_penalty(0.2)
        .stop_sequences(["END", "STOP"])
        .metadata("tenant", "acme")
}

pub(crate) fn shown(convention: &Convention, events: &[OwnedEvent]) -> Shown {
    Shown::of(convention, events)
}

/// What a tracing system would have of one span.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) error_type: Option<String>,
    pub(crate) error_text: Option<String>,
    /// Of a key that stands twice, the last value; as text.
    pub(crate) attributes: BTreeMap<String, String>,
    /// As the convention gave them, in order.
    pub(crate) typed: Vec<(String, String)>,
    pub(crate) exception: BTreeMap<String, String>,
    all: BTreeSet<String>,
}

impl Shown {
    pub(crate) fn of(convention: &Convention, events: &[OwnedEvent]) -> Self {
        let mut shown = Self::default();
        for event in events {
            let event = event.as_event();
            let mut each = |key: &str, value: Attribute<'_>| {
                let id = match key {
                    "allm.request_id" => event.request_id().map(str::to_owned),
                    "allm.span_id" => event.span_id().map(|id| id.to_string()),
                    _ => None,
                };
                let text = value.to_string();
                let text = if id.as_ref() == Some(&text) { "its own".to_owned() } else { text };
                shown.typed.push((key.to_string(), format!("{value:?}")));
                assert!(shown.all.insert(format!("{key} = {text}")), "{key} is sent twice");
                shown.attributes.insert(key.to_owned(), text);
            };
            match event.phase() {
                Some(Phase::Start) => convention.start_attributes(&event, &mut each),
                Some(Phase::Stop | Phase::Exception) => convention.end_attributes(&event, &mut each),
                _ => {}
            }
            convention.user_attributes(&event, |key, value| each(key, value));
            shown.name = convention.span_name(&event).into_owned();
            shown.error_type = convention.error_type(&event).map(|class| class.into_owned());
            shown.error_text = convention.error_text(&event).map(|text| text.into_owned());
            convention.exception_attributes(&event, |key, value| {
                shown.exception.insert(key.to_owned(), value.to_string());
            });
        }
        shown
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }

    /// Every attribute, as `key = value`.
    pub(crate) fn all(&self) -> BTreeSet<String> {
        self.all.clone()
    }
}
