use std::fmt;

use super::term::Term;
use super::usage::Usage;

impl Usage {
    /// Returns the number of input tokens, with all parts. While some parts are not known, it is the sum of those that are.
    #[must_use]
    pub fn input_tokens(&self) -> Option<u64> {
        self.read(Term::Input)
    }

    /// Returns the number of output tokens, including reasoning. While some parts are not known, it is the sum of those that are.
    #[must_use]
    pub fn output_tokens(&self) -> Option<u64> {
        self.read(Term::Output)
    }

    /// Returns the number of all tokens as the provider reported it. It may differ from the sum of input and output.
    #[must_use]
    pub fn total_tokens(&self) -> Option<u64> {
        self.read(Term::Total)
    }

    /// Returns the part of the input that was read from the provider's cache.
    #[must_use]
    pub fn cached_tokens(&self) -> Option<u64> {
        self.read(Term::Cached)
    }

    /// Returns the part of the input that was written to the provider's cache.
    #[must_use]
    pub fn cache_write_tokens(&self) -> Option<u64> {
        self.read(Term::CacheWrite)
    }

    /// Returns the part of the cache-write tokens that are kept for five minutes.
    #[must_use]
    pub fn cache_write_5m_tokens(&self) -> Option<u64> {
        self.read(Term::CacheWrite5m)
    }

    /// Returns the part of the cache-write tokens that are kept for an hour.
    #[must_use]
    pub fn cache_write_1h_tokens(&self) -> Option<u64> {
        self.read(Term::CacheWrite1h)
    }

    /// Returns the part of the output that the model used to reason.
    #[must_use]
    pub fn reasoning_tokens(&self) -> Option<u64> {
        self.read(Term::Reasoning)
    }

    /// Returns the part of the input that is results of the provider's own tools.
    #[must_use]
    pub fn tool_prompt_tokens(&self) -> Option<u64> {
        self.read(Term::ToolPrompt)
    }

    /// Returns the part of the input that is audio.
    #[must_use]
    pub fn audio_input_tokens(&self) -> Option<u64> {
        self.read(Term::AudioInput)
    }

    /// Returns the part of the input that is images.
    #[must_use]
    pub fn image_input_tokens(&self) -> Option<u64> {
        self.read(Term::ImageInput)
    }

    /// Returns the part of the output that is audio.
    #[must_use]
    pub fn audio_output_tokens(&self) -> Option<u64> {
        self.read(Term::AudioOutput)
    }

    /// Returns the part of the output that is images.
    #[must_use]
    pub fn image_output_tokens(&self) -> Option<u64> {
        self.read(Term::ImageOutput)
    }

    /// Returns how often the provider searched the web for this call.
    #[must_use]
    pub fn web_search_requests(&self) -> Option<u64> {
        self.read(Term::WebSearches)
    }

    /// Returns the number of input tokens that are billed, if the provider reports it beside the usage.
    #[must_use]
    pub fn billed_input_tokens(&self) -> Option<u64> {
        self.read(Term::BilledInput)
    }

    /// Returns the number of output tokens that are billed, if the provider reports it beside the usage.
    #[must_use]
    pub fn billed_output_tokens(&self) -> Option<u64> {
        self.read(Term::BilledOutput)
    }

    /// Returns the service tier that processed the call, as the provider spells it.
    #[must_use]
    pub fn service_tier(&self) -> Option<&str> {
        self.service_tier.as_deref()
    }

    /// Returns what the provider charges for the call, in US dollars.
    #[must_use]
    pub fn cost_usd(&self) -> Option<f64> {
        self.cost_usd
    }

    /// Returns whether the tokens are an estimate and not the provider's.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        !self.estimated.is_empty()
    }

    /// Returns why a count that was reported is missing: it is larger than the whole that it is a part of. One of few values, such
    /// as `cached_exceeds_input` or `reasoning_exceeds_output`; if there are several, the first.
    #[must_use]
    pub fn issue(&self) -> Option<&'static str> {
        let wholes = self.wholes();
        let is_missing = |term: Term| self.count(term).is_some() && self.read_of(term, &wholes).is_none();
        Term::ALL.into_iter().filter(|term| is_missing(*term)).find_map(|term| Some(term.whole()?.1))
    }

    /// Returns the counts with their keys in events. The five main counts are always included.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        let wholes = self.wholes();
        let known = |term: &Term| term.is_always_shown() || self.counts[*term as usize].is_some();
        let counts = Term::ALL.into_iter().filter(known).map(move |term| (term, self.read_of(term, &wholes)));
        // A part that is larger than its whole is not known after all.
        let shown = counts.filter(|(term, count)| count.is_some() || term.is_always_shown());
        shown.map(|(term, count)| (term.key(), count))
    }
}

impl PartialEq for Usage {
    fn eq(&self, other: &Self) -> bool {
        let rest = |usage: &Self| (usage.issue(), usage.cost_usd, usage.is_estimated());
        self.counts().eq(other.counts())
            && self.service_tier == other.service_tier
            && rest(self) == rest(other)
    }
}

/// Writes what is known.
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.counts().filter_map(|(key, count)| Some((key, count?)));
        let mut map = f.debug_map();
        map.entries(known);
        map.entries(self.service_tier.iter().map(|tier| ("service_tier", tier)));
        map.entries(self.cost_usd.iter().map(|usd| ("cost_usd", usd)));
        map.entries(self.is_estimated().then_some(("estimated", true)));
        map.finish()
    }
}
