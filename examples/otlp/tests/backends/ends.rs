//! Calls of every kind of end: what a backend shows as an error, whose tokens it counts, and to which session and agent
//! they belong.

use std::fmt;

use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry::{Policy, Usage, prelude::*};
use allm_telemetry_otlp::Failure;
use futures::{StreamExt as _, stream};

use crate::seen::{Checked, Seen, ensure};
use crate::trace::Trace;

pub(crate) struct Ends(pub(crate) Trace);

/// What a stream gives.
#[derive(Clone, Copy)]
enum Chunk {
    Text,
    Finish,
    Usage,
}

const WHOLE: [Chunk; 4] = [Chunk::Text, Chunk::Text, Chunk::Finish, Chunk::Usage];

/// Reads so many chunks of a stream that gives these, with the model as its name.
async fn read(model: &'static str, chunks: &'static [Chunk], count: usize) {
    let observe = |chunk: &Chunk, record: &mut Record<'_>| match chunk {
        Chunk::Text => {}
        Chunk::Finish => {
            record.finish_reason("stop");
            record.finished();
        }
        Chunk::Usage => record.usage(Usage::new().input(100_u64).output(10_u64)),
    };
    let span = Span::stream().model(model).expects_finish().observe(observe);
    let mut stream = stream::iter(chunks.iter().copied()).in_span_infallible(span);
    for _ in 0..count {
        stream.next().await;
    }
}

async fn twice() {
    let usage =
        |(): &(), record: &mut Record<'_>| record.usage(Usage::new().input(1_000_u64).output(200_u64));
    let inner = async {}.in_span_infallible(Span::generate().model("inner").observe(usage));
    inner.in_span_infallible(Span::generate().model("outer").observe(usage)).await;
}

impl Ends {
    /// Runs the calls and sends them.
    pub(crate) async fn to(otlp: Otlp) -> Result<Self, Failure> {
        let calls = async {
            read("complete", &WHOLE, 5).await;
            read("left", &WHOLE, 3).await;
            read("dropped", &WHOLE, 1).await;
            read("cut", &WHOLE[..2], 3).await;
            twice().await;
            let cost = |(): &(), record: &mut Record<'_>| record.cost_usd(0.25);
            async {}.in_span_infallible(Span::generate().model("paid").observe(cost)).await;
        };
        Ok(Self(Trace::of(otlp, Policy::new(), calls).await?))
    }

    /// Checks the spans that a backend shows, and the tokens that it counts for the trace.
    pub(crate) fn check(&self, seen: &[Seen], tokens: (u64, u64)) -> Checked {
        ensure(seen.len() == 8, || format!("{} spans of 8", seen.len()))?;
        // Those of `complete`, and of one of the two that observed the same call.
        ensure(tokens == (1_100, 210), || format!("{tokens:?} tokens, not 1100 and 210"))?;
        let outcomes = [
            ("complete", "completed"),
            ("left", "completed"),
            ("dropped", "dropped"),
            ("cut", "error"),
            ("inner", "completed"),
            ("outer", "completed"),
            ("paid", "completed"),
        ];
        for (model, outcome) in outcomes {
            let named = |span: &&Seen| span.model.as_deref() == Some(model);
            let span = seen.iter().find(named).ok_or_else(|| format!("no call of {model}"))?;
            let text = |key: &str| span.attributes.get(key).and_then(|value| value.as_str());
            let wrong = |what: &str| format!("{what} of {model} is wrong: {span:#?}");
            ensure(text("allm.outcome") == Some(outcome), || wrong("the outcome"))?;
            ensure(span.is_error == (model == "cut"), || wrong("the status"))?;
            let class = (model == "cut").then_some("stream_truncated");
            ensure(text("error.type") == class, || wrong("the class of the error"))?;
            ensure(text("session.id") == Some(&self.0.session), || wrong("the session"))?;
            ensure(text("gen_ai.conversation.id") == Some(&self.0.session), || wrong("the conversation"))?;
            ensure(text("gen_ai.agent.name") == Some("weekend"), || wrong("the agent"))?;
            let cost = span.attributes.get("llm.cost.total").map(ToString::to_string);
            let paid = (model == "paid").then(|| "0.25".to_owned());
            ensure(cost == paid, || wrong("the cost"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trace {} with every kind of end", self.0.id)
    }
}
