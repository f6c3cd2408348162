use std::borrow::Cow;

use super::term::{Term, Terms};
use super::token_count::TokenCount;

/// What a call used: its tokens, as the provider counts them. Each count is optional; an unknown count is not 0.
///
/// What is *read* ([`input_tokens()`](Self::input_tokens)) includes the tokens that were read from and written to a cache, and
/// [`output_tokens()`](Self::output_tokens) includes the reasoning tokens; each part is also read separately. OpenTelemetry's
/// [GenAI conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/) require it.
///
/// What you *set* is the provider's own number. OpenAI counts as above, and other providers count some parts *beside* the rest.
/// Choose the setter by where the provider counts the part:
///
/// - [`cached(n)`](Self::cached): the provider's input includes these tokens;
/// - [`cached_beside(n)`](Self::cached_beside): it does not, so they are added to it when it is read.
///
/// | provider | its input | its output |
/// |---|---|---|
/// | OpenAI, DeepSeek, Ollama | includes `cached`, `cache_write`, `audio_input` | includes `reasoning`, `audio_output` |
/// | Anthropic, Bedrock | `cached_beside`, `cache_write_beside` | includes `reasoning` |
/// | Gemini | includes `cached`; `tool_prompt_beside` | `reasoning_beside` |
/// | xAI chat | includes `cached` | `reasoning_beside`, or `reasoning` with `total` |
/// | Mistral | includes `cached`; `audio_input_beside`, or `audio_input` with `total` | |
/// | Cohere | includes `cached`; `image_input_beside` | includes `reasoning` |
///
/// # Examples
///
/// The same call, as six providers report it:
///
/// ```
/// use allm_telemetry::Usage;
///
/// let openai = Usage::new().input(1_200).cached(1_000).output(80).reasoning(64).total(1_280);
/// let anthropic = Usage::new().input(150).cached_beside(1_000).cache_write_beside(50).output(80);
/// let gemini = Usage::new().input(900).tool_prompt_beside(300).output(16).reasoning_beside(64);
/// let xai = Usage::new().input(1_200).output(16).reasoning(64).total(1_280);
/// let mistral = Usage::new().input(1_000).audio_input_beside(200).output(80);
/// let cohere = Usage::new().input(900).image_input_beside(300).output(80);
///
/// for usage in [openai, anthropic, gemini, xai, mistral, cohere] {
///     assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(1_200), Some(80)));
/// }
/// ```
///
/// # Frames of a stream
///
/// A stream may report its usage in several frames. Record each as it is: a later number [replaces](Self::merge) an earlier one
/// of the same term, even if it is smaller or 0, and a missing number replaces nothing. Frames are never summed, because
/// providers repeat the numbers as running totals. If a provider reports a 0 that means nothing, leave it out.
///
/// ```
/// use allm_telemetry::Usage;
///
/// let mut usage = Usage::new().input(5).cached_beside(1_000).output(1);
/// usage.merge(&Usage::new().input(7).output(47));
/// assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(1_007), Some(47)));
/// ```
///
/// # Totals
///
/// A part that was not reported as beside its whole is taken to be inside, unless the provider's [`total`](Self::total) shows
/// otherwise. The readings of it are tried in this order, and the first whose input and output add up to it is taken:
///
/// 1. all parts inside;
/// 2. reasoning beside;
/// 3. cached and cache-write tokens beside;
/// 4. reasoning, cached and cache-write tokens beside;
/// 5. audio input beside.
///
/// If none does, the parts are inside.
///
/// # Contradictions
///
/// A part that is larger than its whole is not reported, and [`issue`](Self::issue) and the event's `usage_issue` name it. The
/// whole is reported as the provider reported it.
///
/// # Equality
///
/// Two usages are equal if the same is read from them, in whatever terms it was reported.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// The reported numbers, by term.
    pub(super) counts: [Option<u64>; Term::ALL.len()],
    /// The parts that were reported as beside their whole.
    pub(super) beside: Terms,
    /// The parts that are known to be inside their whole. Where the others are counted is inferred from the total.
    pub(super) inside: Terms,
    pub(super) service_tier: Option<Cow<'static, str>>,
    pub(super) cost_usd: Option<f64>,
    /// The terms whose count is an estimate, if it is known.
    pub(super) estimated: Terms,
}

impl Usage {
    /// Creates a usage without any known count.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            counts: [None; Term::ALL.len()],
            beside: Terms::NONE,
            inside: Terms::NONE,
            service_tier: None,
            cost_usd: None,
            estimated: Terms::NONE,
        }
    }

    /// Sets the number of input tokens as the provider counts it: without the parts that are set by a method whose name ends in
    /// `_beside`.
    #[must_use]
    pub fn input(self, tokens: impl TokenCount) -> Self {
        self.with(Term::Input, tokens)
    }

    /// Sets the number of output tokens as the provider counts it: without reasoning if that is set by
    /// [`reasoning_beside`](Self::reasoning_beside).
    #[must_use]
    pub fn output(self, tokens: impl TokenCount) -> Self {
        self.with(Term::Output, tokens)
    }

    /// Sets the number of all tokens as the provider counts it. [Where parts are counted](Self#totals) is inferred from it.
    #[must_use]
    pub fn total(self, tokens: impl TokenCount) -> Self {
        self.with(Term::Total, tokens)
    }

    /// Sets the part of the input that was read from the provider's cache.
    #[must_use]
    pub fn cached(self, tokens: impl TokenCount) -> Self {
        self.with(Term::Cached, tokens)
    }

    /// Sets the tokens that were read from the provider's cache, for a provider that does not include them in its input.
    #[must_use]
    pub fn cached_beside(self, tokens: impl TokenCount) -> Self {
        self.with_beside(Term::Cached, tokens)
    }

    /// Sets the part of the input that was written to the provider's cache.
    #[must_use]
    pub fn cache_write(self, tokens: impl TokenCount) -> Self {
        self.with(Term::CacheWrite, tokens)
    }

    /// Sets the tokens that were written to the provider's cache, for a provider that does not include them in its input.
    #[must_use]
    pub fn cache_write_beside(self, tokens: impl TokenCount) -> Self {
        self.with_beside(Term::CacheWrite, tokens)
    }

    /// Sets the part of the cache-write tokens that are kept for five minutes.
    #[must_use]
    pub fn cache_write_5m(self, tokens: impl TokenCount) -> Self {
        self.with(Term::CacheWrite5m, tokens)
    }

    /// Sets the part of the cache-write tokens that are kept for an hour.
    #[must_use]
    pub fn cache_write_1h(self, tokens: impl TokenCount) -> Self {
        self.with(Term::CacheWrite1h, tokens)
    }

    /// Sets the part of the output that the model used to reason.
    #[must_use]
    pub fn reasoning(self, tokens: impl TokenCount) -> Self {
        self.with(Term::Reasoning, tokens)
    }

    /// Sets the tokens that the model used to reason, for a provider that does not include them in its output.
    #[must_use]
    pub fn reasoning_beside(self, tokens: impl TokenCount) -> Self {
        self.with_beside(Term::Reasoning, tokens)
    }

    /// Sets the tokens of the results of the provider's own tools, which are part of the prompt but not of the provider's input
    /// (Gemini).
    #[must_use]
    pub fn tool_prompt_beside(self, tokens: impl TokenCount) -> Self {
        self.with_beside(Term::ToolPrompt, tokens)
    }

    /// Sets the part of the input that is audio.
    #[must_use]
    pub fn audio_input(self, tokens: impl TokenCount) -> Self {
        self.with(Term::AudioInput, tokens)
    }

    /// Sets the tokens of audio, for a provider that does not include them in its input.
    #[must_use]
    pub fn audio_input_beside(self, tokens: impl TokenCount) -> Self {
        self.with_beside(Term::AudioInput, tokens)
    }

    /// Sets the part of the input that is images.
    #[must_use]
    pub fn image_input(self, tokens: impl TokenCount) -> Self {
        self.with(Term::ImageInput, tokens)
    }

    /// Sets the tokens of images, for a provider that does not include them in its input.
    #[must_use]
    pub fn image_input_beside(self, tokens: impl TokenCount) -> Self {
        self.with_beside(Term::ImageInput, tokens)
    }

    /// Sets the part of the output that is audio.
    #[must_use]
    pub fn audio_output(self, tokens: impl TokenCount) -> Self {
        self.with(Term::AudioOutput, tokens)
    }

    /// Sets the part of the output that is images.
    #[must_use]
    pub fn image_output(self, tokens: impl TokenCount) -> Self {
        self.with(Term::ImageOutput, tokens)
    }

    /// Sets how often the provider searched the web for this call.
    #[must_use]
    pub fn web_searches(self, requests: impl TokenCount) -> Self {
        self.with(Term::WebSearches, requests)
    }

    /// Sets the number of input tokens that are billed, if it is not the input: the sum over Anthropic's `iterations`, Cohere's
    /// `billed_units`.
    #[must_use]
    pub fn billed_input(self, tokens: impl TokenCount) -> Self {
        self.with(Term::BilledInput, tokens)
    }

    /// Sets the number of output tokens that are billed, if it is not the output.
    #[must_use]
    pub fn billed_output(self, tokens: impl TokenCount) -> Self {
        self.with(Term::BilledOutput, tokens)
    }

    /// Sets the service tier that processed the call, as the provider spells it: `standard`, `flex`, `priority`. An empty text is
    /// ignored.
    #[must_use]
    pub fn tier<'t>(self, tier: impl Into<Cow<'t, str>>) -> Self {
        let tier = tier.into();
        if tier.is_empty() { self } else { Self { service_tier: Some(tier.into_owned().into()), ..self } }
    }

    /// Sets what the provider charges for the call, in US dollars. A negative number or one that is not finite is ignored.
    ///
    /// It is the event's `cost_usd`, unless [`Record::cost_usd`](crate::Record::cost_usd) records another one.
    #[must_use]
    pub fn cost(self, usd: impl Into<Option<f64>>) -> Self {
        let usd = usd.into().filter(|usd| usd.is_finite() && *usd >= 0.0);
        Self { cost_usd: usd.or(self.cost_usd), ..self }
    }

    /// Marks the counts as an estimate, such as those of a local tokenizer. They are used only as long as the provider has not
    /// reported any input or output, and the span's `usage_status` is `estimated`. Its other counts, such as web searches, are
    /// merged into the estimate.
    ///
    /// Only usage of the same span replaces an estimate: of two spans that observe one call, the one that ends first
    /// [reports the tokens](crate::Event::counts_usage), even if its own are an estimate and the other's are not.
    ///
    /// ```
    /// use allm_telemetry::Usage;
    ///
    /// let mut usage = Usage::new().input(12).output(30).estimated();
    /// usage.merge(&Usage::new().output(28));
    /// assert_eq!(usage, Usage::new().output(28));
    /// ```
    #[must_use]
    pub fn estimated(self) -> Self {
        Self { estimated: Terms::ALL, ..self }
    }

    /// Adds what `later` reports: a known count replaces that of the same term, even if it is smaller or 0. Other counts are kept.
    ///
    /// A part stays beside its whole once a setter whose name ends in `_beside` has said so, even if a later count of it is set
    /// without: after `cached_beside(100)`, `cached(3)` means 3 tokens beside.
    ///
    /// A [total](Self::total) belongs to the latest counts, and is dropped if others follow without one. Counts of the provider
    /// are not replaced by an [estimate](Self::estimated), and replace it: the same count always, and all of it as soon as the
    /// provider's input or output is known.
    pub fn merge(&mut self, later: &Self) {
        if let Some(tier) = &later.service_tier {
            self.service_tier = Some(tier.clone());
        }
        self.cost_usd = later.cost_usd.or(self.cost_usd);
        if !later.has_counts() {
            return;
        }
        if self.estimated == later.estimated {
            self.replace(later);
        } else {
            self.merge_estimate(later);
        }
    }

    /// Replaces the counts that `later` has.
    fn replace(&mut self, later: &Self) {
        if later.counts[..Term::Total as usize].iter().any(Option::is_some) {
            self.counts[Term::Total as usize] = None;
        }
        for index in 0..Term::ALL.len() {
            self.counts[index] = later.counts[index].or(self.counts[index]);
        }
        self.beside = self.beside.without(later.inside).with(later.beside);
        self.inside = self.inside.without(later.beside).with(later.inside);
    }

    /// Merges two usages of which one is an estimate, at least in part: first what was estimated and what was reported, each on its
    /// own, then one into the other.
    fn merge_estimate(&mut self, later: &Self) {
        let (mut estimate, mut reported) = (self.only(self.estimated), self.only(self.reported()));
        estimate.replace(&later.only(later.estimated));
        reported.replace(&later.only(later.reported()));
        let counts = if reported.has_tokens() || !estimate.has_counts() {
            reported
        } else {
            let estimated = Terms::ALL.without(reported.told());
            estimate.replace(&reported);
            Self { estimated, ..estimate }
        };
        *self = Self { service_tier: self.service_tier.take(), cost_usd: self.cost_usd, ..counts };
    }

    /// Returns the terms of which the provider has reported the count or the place.
    fn reported(&self) -> Terms {
        self.told().without(self.estimated)
    }

    /// Returns the terms of which the count or the place is known.
    fn told(&self) -> Terms {
        let known = Term::ALL.into_iter().filter(|term| self.counts[*term as usize].is_some());
        known.fold(self.beside.with(self.inside), |terms, term| terms.with(Terms::one(term)))
    }

    /// Returns the counts of these terms alone.
    fn only(&self, terms: Terms) -> Self {
        Self {
            counts: Term::ALL.map(|term| self.counts[term as usize].filter(|_| terms.contains(term))),
            beside: self.beside.and(terms),
            inside: self.inside.and(terms),
            ..Self::new()
        }
    }

    /// Creates a usage from counts in the terms of events, by their keys: the input and the output include all parts.
    pub(crate) fn from_counts(count: impl Fn(&str) -> Option<u64>) -> Self {
        let counts = Term::ALL.map(|term| count(term.key()));
        Self { counts, inside: Terms::ALL, ..Self::new() }
    }

    /// Returns whether any count is known.
    pub(crate) fn has_counts(&self) -> bool {
        self.counts.iter().any(Option::is_some)
    }

    /// Returns whether nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_counts() && self.service_tier.is_none() && self.cost_usd.is_none()
    }

    fn with(mut self, term: Term, count: impl TokenCount) -> Self {
        let slot = &mut self.counts[term as usize];
        *slot = count.known().or(*slot);
        self
    }

    fn with_beside(mut self, term: Term, count: impl TokenCount) -> Self {
        // Also if the count is unknown: another frame may report it.
        self.beside = self.beside.with(Terms::one(term));
        self.with(term, count)
    }
}
