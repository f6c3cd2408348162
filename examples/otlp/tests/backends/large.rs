//! A conversation of ten calls with their prompts, one of which has 5 MiB: it arrives cut, and its nine neighbours whole.

use std::fmt;
use std::fs;
use std::time::Duration;

use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry::{Content, Policy, prelude::*};
use allm_telemetry_otlp::Failure;

use crate::seen::{Checked, Seen, ensure};
use crate::trace::Trace;

pub(crate) struct Large(pub(crate) Trace);

const LIMIT: usize = 64 * 1_024;
const MARKER: &str = "…[truncated]";

fn question(number: usize) -> String {
    format!("question {number}: how is the weather?")
}

impl Large {
    /// Runs the conversation and sends it.
    pub(crate) async fn to(otlp: Otlp) -> Result<Self, Failure> {
        let policy = Policy::new().content_unredacted(Content::INPUT);
        let calls = async {
            for number in 0..10 {
                let prompt = if number == 9 { "x".repeat(5 * 1_024 * 1_024) } else { question(number) };
                let call = Span::generate().model("scripted-1").input(move || prompt.clone());
                async {}.in_span_infallible(call).await;
            }
        };
        let trace = Trace::of(otlp, policy.clone(), calls).await?;
        ensure(policy.cut_count() == 1, || format!("{} values were cut", policy.cut_count()))?;
        Ok(Self(trace))
    }

    /// Checks what a backend shows of the prompts.
    pub(crate) fn check(&self, seen: &[Seen]) -> Checked {
        ensure(seen.len() == 11, || format!("{} spans of 11", seen.len()))?;
        let mut prompts: Vec<&str> =
            seen.iter().filter_map(|span| span.attributes.get("input.value")?.as_str()).collect();
        prompts.sort_unstable();
        ensure(prompts.len() == 10, || format!("{} prompts of 10", prompts.len()))?;
        let whole: Vec<String> = (0..9).map(question).collect();
        ensure(prompts[..9] == whole, || format!("the short prompts are {:?}", &prompts[..9]))?;
        let (length, is_marked) = (prompts[9].len(), prompts[9].ends_with(MARKER));
        ensure(length == LIMIT && is_marked, || {
            format!("the long prompt has {length} bytes, marked: {is_marked}")
        })
    }

    /// Checks what a collector printed that prints everything it receives.
    pub(crate) async fn check_printed(&self, log: &str) -> Checked {
        let mut counts = (0, 0);
        // It prints after it has answered.
        for _ in 0..100 {
            let all = fs::read_to_string(log).map_err(|error| format!("{log}: {error}"))?;
            let ours = all.split("\nResourceSpans #").filter(|block| block.contains(&self.0.session));
            let prompts =
                ours.flat_map(str::lines).filter_map(|line| line.split_once("-> input.value: Str("));
            let prompts: Vec<&str> = prompts.map(|(_, prompt)| prompt.trim_end_matches(')')).collect();
            let whole = (0..9).filter(|number| prompts.contains(&question(*number).as_str())).count();
            let cut =
                prompts.iter().filter(|prompt| prompt.len() == LIMIT && prompt.ends_with(MARKER)).count();
            counts = (whole, cut);
            if counts == (9, 1) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("{} whole and {} cut prompts were printed", counts.0, counts.1))
    }
}

impl fmt::Display for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trace {} with a large prompt", self.0.id)
    }
}
