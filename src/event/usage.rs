use std::fmt;

/// The tokens that a call used. Each count is optional; an unknown count is not 0.
///
/// `input` includes the cached and the cache-write tokens, and `output` includes the reasoning tokens; each part is also
/// reported separately. OpenAI counts in this way, and OpenTelemetry's
/// [GenAI conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/) require it. Use the other constructors for vendors
/// that exclude the parts from the total: [`cache_excluded`](Self::cache_excluded) (Anthropic) and
/// [`reasoning_excluded`](Self::reasoning_excluded) (Gemini).
///
/// # Examples
///
/// ```
/// use allm_telemetry::Usage;
///
/// let openai = Usage::new().input(1_200).cached(1_000).output(80).reasoning(64);
/// let anthropic = Usage::cache_excluded(200, 1_000, None::<u64>).output(80);
/// let gemini = Usage::reasoning_excluded(16, 64).input(1_200);
///
/// assert_eq!(openai.input_tokens(), anthropic.input_tokens());
/// assert_eq!(openai.output_tokens(), gemini.output_tokens());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
}

impl Usage {
    /// Creates a usage without any known count.
    #[must_use]
    pub const fn new() -> Self {
        Self { input: None, output: None, cached: None, cache_write: None, reasoning: None }
    }

    /// Creates a usage for vendors whose input count excludes the tokens read from and written to the cache (Anthropic).
    #[must_use]
    pub fn cache_excluded(
        uncached: impl TokenCount,
        read: impl TokenCount,
        written: impl TokenCount,
    ) -> Self {
        let (cached, cache_write) = (read.known(), written.known());
        let parts = cached.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
        let input = uncached.known().map(|uncached| uncached.saturating_add(parts));
        Self { input, cached, cache_write, ..Self::new() }
    }

    /// Creates a usage for vendors whose output count excludes the reasoning tokens (Gemini).
    #[must_use]
    pub fn reasoning_excluded(visible: impl TokenCount, reasoning: impl TokenCount) -> Self {
        let reasoning = reasoning.known();
        let output = visible.known().map(|visible| visible.saturating_add(reasoning.unwrap_or(0)));
        Self { output, reasoning, ..Self::new() }
    }

    /// Sets the number of input tokens, including cached ones.
    #[must_use]
    pub fn input(self, tokens: impl TokenCount) -> Self {
        Self { input: tokens.known(), ..self }
    }

    /// Sets the number of output tokens, including reasoning.
    #[must_use]
    pub fn output(self, tokens: impl TokenCount) -> Self {
        Self { output: tokens.known(), ..self }
    }

    /// Sets the part of the input that was read from the provider's cache.
    #[must_use]
    pub fn cached(self, tokens: impl TokenCount) -> Self {
        Self { cached: tokens.known(), ..self }
    }

    /// Sets the part of the input that was written to the provider's cache.
    #[must_use]
    pub fn cache_write(self, tokens: impl TokenCount) -> Self {
        Self { cache_write: tokens.known(), ..self }
    }

    /// Sets the part of the output that the model used to reason.
    #[must_use]
    pub fn reasoning(self, tokens: impl TokenCount) -> Self {
        Self { reasoning: tokens.known(), ..self }
    }

    /// Returns the number of input tokens, including cached ones.
    #[must_use]
    pub fn input_tokens(&self) -> Option<u64> {
        self.input
    }

    /// Returns the number of output tokens, including reasoning.
    #[must_use]
    pub fn output_tokens(&self) -> Option<u64> {
        self.output
    }

    /// Returns the part of the input that was read from the provider's cache.
    #[must_use]
    pub fn cached_tokens(&self) -> Option<u64> {
        self.cached
    }

    /// Returns the part of the input that was written to the provider's cache.
    #[must_use]
    pub fn cache_write_tokens(&self) -> Option<u64> {
        self.cache_write
    }

    /// Returns the part of the output that the model used to reason.
    #[must_use]
    pub fn reasoning_tokens(&self) -> Option<u64> {
        self.reasoning
    }

    /// Replaces each count that is known in `later`, and keeps the others.
    ///
    /// Counts are not summed, because providers repeat the usage in a stream as running totals.
    pub fn merge(&mut self, later: &Self) {
        self.input = later.input.or(self.input);
        self.output = later.output.or(self.output);
        self.cached = later.cached.or(self.cached);
        self.cache_write = later.cache_write.or(self.cache_write);
        self.reasoning = later.reasoning.or(self.reasoning);
    }

    /// Returns whether any count is known.
    pub(crate) fn is_known(&self) -> bool {
        self.parts().any(|(_, count)| count.is_some())
    }

    /// Returns the counts with their keys in events.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        [
            ("input_tokens", self.input),
            ("output_tokens", self.output),
            ("cached_tokens", self.cached),
            ("cache_write_tokens", self.cache_write),
            ("reasoning_tokens", self.reasoning),
        ]
        .into_iter()
    }
}

/// A token count as clients report it: an integer of any width, or an `Option` of one. A negative count is unknown.
///
/// # Examples
///
/// ```
/// use allm_telemetry::Usage;
///
/// let from_client: Option<i32> = None;
/// assert_eq!(Usage::new().input(12).output(from_client), Usage::new().input(12_u64));
/// ```
pub trait TokenCount {
    /// Returns the count, if it is known.
    fn known(self) -> Option<u64>;
}

impl<T: TokenCount> TokenCount for Option<T> {
    fn known(self) -> Option<u64> {
        self.and_then(T::known)
    }
}

macro_rules! token_counts {
    ($($integer:ty),*) => {
        $(impl TokenCount for $integer {
            fn known(self) -> Option<u64> {
                u64::try_from(self).ok()
            }
        })*
    };
}
token_counts!(u8, u16, u32, u64, usize, i32, i64);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.parts().filter_map(|(key, count)| Some((key, count?)));
        f.debug_map().entries(known).finish()
    }
}
