//! Decides which span reports the tokens, the cost and the dropped stream of a call, so that none is counted twice.
//!
//! They follow one rule, each for itself: a span that knows only the tokens leaves the cost to another one. It is described here
//! for tokens. The same tokens are often recorded twice: an adapter observes a call that the client library observes as well, or an
//! agent reports the sum of its calls. A sum over all spans would count them twice. So when a span with usage ends, this
//! module decides whether it reports its tokens, and all exporters use that decision.
//!
//! Two spans observe the same call if one is nested in the other, both belong to one family (`generate` and `stream` are a
//! family, each other call is its own) and no tool, step, chat or retrieval lies between them. The one that ends first
//! reports the tokens. A chat or step reports its tokens only if no nested span has reported any. All other spans report
//! their own tokens: an embedding inside a generation, or the call of another model inside a tool.
//!
//! When a reader leaves, the stream of a call and those of the enclosing spans that return its items are dropped together. They
//! are one dropped stream, so for drops every span that is not a call is treated as a chat is, and if it ended first, the spans
//! inside report nothing more.
//!
//! Each node has one atomic with a claim for each of them. A claim is set once: by the end of its span or of a nested span,
//! whichever is first. The update is atomic, so two ends on two threads cannot both report the same tokens.

use std::sync::atomic::{AtomicU8, Ordering};

use super::node::Node;
use crate::event::SpanName;

/// What is counted once. The value is the place of its claim, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Tokens = 0,
    Cost = 2,
    Drop = 4,
    /// That the tokens are not known. Claimed by nested spans only, see [`Node::reports_unknown_usage`].
    UnknownUsage = 6,
}

impl Counted {
    /// Returns the claim of this quantity among all.
    fn claim_of(self, claims: u8) -> u8 {
        (claims >> self as u8) & 0b11
    }

    /// Returns whether a span of this name reports only what no nested span has reported, at any depth.
    fn is_of_whole(self, name: SpanName) -> bool {
        match self {
            Self::Tokens | Self::Cost => is_agent(name),
            Self::Drop => !name.is_call(),
            Self::UnknownUsage => false,
        }
    }
}

/// Which span has reported the tokens, the cost and the drop of a span: itself, a nested one, or none so far. Two bits each.
#[derive(Debug)]
pub(super) struct Claims(AtomicU8);

const UNCLAIMED: u8 = 0;
const BY_SELF: u8 = 1;
const BY_NESTED: u8 = 2;

impl Claims {
    pub(super) const fn new() -> Self {
        Self(AtomicU8::new(UNCLAIMED))
    }

    /// Claims what is counted for `by`, unless it is claimed already. Returns the claim that holds.
    fn claim(&self, counted: Counted, by: u8) -> u8 {
        let add = |claims| (counted.claim_of(claims) == UNCLAIMED).then_some(claims | by << counted as u8);
        // Relaxed: the claim is the only data, and all threads agree on the order of changes of one atomic.
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => by,
            Err(earlier) => counted.claim_of(earlier),
        }
    }

    fn get(&self, counted: Counted) -> u8 {
        counted.claim_of(self.0.load(Ordering::Relaxed))
    }
}

impl Node {
    /// Decides, at the end of this span, whether it reports its tokens, its cost or its drop. Called once for each, if there is
    /// one.
    pub(crate) fn claim(&self, counted: Counted) -> bool {
        let Some(name) = self.start().map(|start| start.name) else { return false };
        // Tools and retrievals use no tokens of a model themselves: usage recorded on them is that of nested calls.
        if !name.is_call() && !counted.is_of_whole(name) {
            return false;
        }
        if self.claims().claim(counted, BY_SELF) == BY_NESTED {
            return false;
        }
        // If an enclosing span of the same call has already ended, it has reported these tokens. No early return: every
        // enclosing span includes these tokens and is claimed.
        let mut reports = true;
        for outer in self.enclosing_same_call(name) {
            reports &= outer.claims().claim(counted, BY_NESTED) != BY_SELF;
        }
        // Steps and chats report only if no nested span does, at any depth.
        if reports {
            for whole in self.enclosing_wholes(counted) {
                let claim = whole.claims().claim(counted, BY_NESTED);
                // The total of a chat does not include tokens that are reported later. Its drop is also that of this stream.
                reports &= counted != Counted::Drop || claim != BY_SELF;
            }
        }
        reports
    }

    /// Decides, at the end of a call whose tokens are not known, whether it reports that: unless another span that observes the
    /// same call has reported them or that they are not known.
    ///
    /// If an enclosing span ends first, both report it: a claim on the node of each call would slow down all of them.
    pub(crate) fn reports_unknown_usage(&self) -> bool {
        let is_reported_inside = |counted| self.claims().get(counted) == BY_NESTED;
        let Some(name) = self.start().map(|start| start.name).filter(|name| name.is_call()) else {
            return false;
        };
        let mut reports = ![Counted::Tokens, Counted::UnknownUsage].into_iter().any(is_reported_inside);
        for outer in self.enclosing_same_call(name) {
            reports &= outer.claims().get(Counted::Tokens) != BY_SELF;
            if reports {
                outer.claims().claim(Counted::UnknownUsage, BY_NESTED);
            }
        }
        reports
    }

    /// Returns the enclosing spans that observe the same call.
    fn enclosing_same_call(&self, name: SpanName) -> impl Iterator<Item = &Self> {
        self.ancestors()
            .take_while(|outer| !outer.is_boundary())
            .filter(move |outer| outer.is_observed_with(self))
            .filter(move |outer| outer.start().is_some_and(|start| family(start.name) == family(name)))
    }

    /// Returns the enclosing spans that are observed on the same handle and report only what no nested span does: for tokens,
    /// the steps and chats.
    fn enclosing_wholes(&self, counted: Counted) -> impl Iterator<Item = &Self> {
        self.ancestors()
            .filter(move |outer| outer.is_observed_with(self))
            .filter(move |outer| outer.name().is_some_and(|name| counted.is_of_whole(name)))
    }

    fn is_observed_with(&self, inner: &Self) -> bool {
        self.start().is_some() && self.telemetry.ptr_eq(&inner.telemetry)
    }

    /// Returns whether this is a span, observed or not, that is not a call, such as a tool. Calls inside it are distinct from
    /// the calls that enclose it.
    fn is_boundary(&self) -> bool {
        self.name().is_some_and(|name| !name.is_call())
    }
}

/// Returns whether the usage of such a span is the sum of its nested calls.
fn is_agent(name: SpanName) -> bool {
    matches!(name, SpanName::Step | SpanName::Chat)
}

/// Maps `Stream` to `Generate`: an adapter may generate an answer from what the client library streams.
fn family(name: SpanName) -> SpanName {
    match name {
        SpanName::Stream => SpanName::Generate,
        other => other,
    }
}
