//! Counting tokens once.
//!
//! The same tokens are often recorded twice: an adapter observes a call that the client library observes as well, or an
//! agent reports the sum of its calls. A dashboard that adds up spans must see them once, so a span that ends with usage
//! decides here whether it counts, and every exporter follows that decision.
//!
//! Two spans are the same call, observed twice, if one is inside the other, both are of one family (`generate` and `stream`
//! are a family, each other call is its own) and no tool, step, chat or retrieval lies between them. Of such a pair the one that ends
//! first counts. A chat or step counts only if nothing inside it has counted. Everything else counts for itself: an
//! embedding inside a generation, or another model's call inside a tool.
//!
//! Each node has one atomic cell, which is written once. The span's own end and the ends of the spans inside it compete for
//! it with a compare-and-exchange, so two ends on two threads cannot both count the same tokens.

use std::sync::atomic::{AtomicU8, Ordering};

use super::node::Node;
use crate::event::SpanName;

/// Who has counted the tokens of a span, if its end or one inside it has.
#[derive(Debug)]
pub(super) struct UsageCount(AtomicU8);

const NOBODY: u8 = 0;
/// The span itself has, at its end.
const SELF: u8 = 1;
/// A span inside it has.
const INSIDE: u8 = 2;

impl UsageCount {
    pub(super) const fn new() -> Self {
        Self(AtomicU8::new(NOBODY))
    }

    /// Claims the tokens for `by` unless they are claimed already. Returns whose they are.
    fn claim(&self, by: u8) -> u8 {
        match self.0.compare_exchange(NOBODY, by, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => by,
            Err(earlier) => earlier,
        }
    }
}

impl Node {
    /// Decides whether the tokens of this span, which ends, count. Called once, by a span that has usage.
    pub(crate) fn count_usage(&self) -> bool {
        let Some(name) = self.start().map(|start| start.name) else { return false };
        if !name.is_call() && !is_agent(name) {
            return false;
        }
        if self.usage_count().claim(SELF) == INSIDE {
            return false;
        }
        // An outer span that observes the same call and has ended first has counted these tokens. All outer ones are
        // claimed even so: each of them contains these tokens.
        let mut counts = true;
        for outer in self.same_call_around(name) {
            counts &= outer.usage_count().claim(INSIDE) != SELF;
        }
        if counts {
            for agent in self.agents_around() {
                agent.usage_count().claim(INSIDE);
            }
        }
        counts
    }

    /// The spans around this one that observe the same call.
    fn same_call_around(&self, name: SpanName) -> impl Iterator<Item = &Self> {
        self.ancestors()
            .take_while(|outer| !outer.is_boundary())
            .filter(move |outer| outer.is_observed_with(self))
            .filter(move |outer| outer.start().is_some_and(|start| family(start.name) == family(name)))
    }

    /// The steps and chats around this one.
    fn agents_around(&self) -> impl Iterator<Item = &Self> {
        self.ancestors()
            .filter(move |outer| outer.is_observed_with(self))
            .filter(|outer| outer.name().is_some_and(is_agent))
    }

    fn is_observed_with(&self, inner: &Self) -> bool {
        self.start().is_some() && self.telemetry.ptr_eq(&inner.telemetry)
    }

    /// Whether this is a span but not a call, observed or not, such as a tool: what is inside it is a call of its own.
    fn is_boundary(&self) -> bool {
        self.name().is_some_and(|name| !name.is_call())
    }
}

/// Whether usage of such a span is the sum of the calls inside it. A tool or a retrieval has none.
fn is_agent(name: SpanName) -> bool {
    matches!(name, SpanName::Step | SpanName::Chat)
}

/// The name that stands for all names of the family: a client that streams observes what another generates.
fn family(name: SpanName) -> SpanName {
    match name {
        SpanName::Stream => SpanName::Generate,
        other => other,
    }
}
