/// One count of a usage.
///
/// To add a term, add a variant, the setter and the getter; the compiler and the tests find the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Input,
    Output,
    Cached,
    CacheWrite,
    Reasoning,
    CacheWrite5m,
    CacheWrite1h,
    ToolPrompt,
    AudioInput,
    ImageInput,
    AudioOutput,
    ImageOutput,
    /// Those before it are the input, the output and their parts.
    Total,
    WebSearches,
    BilledInput,
    BilledOutput,
}

impl Term {
    /// All terms, in the order of their declaration, which is that of their keys in events.
    pub(super) const ALL: [Self; 16] = [
        Self::Input,
        Self::Output,
        Self::Cached,
        Self::CacheWrite,
        Self::Reasoning,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::ToolPrompt,
        Self::AudioInput,
        Self::ImageInput,
        Self::AudioOutput,
        Self::ImageOutput,
        Self::Total,
        Self::WebSearches,
        Self::BilledInput,
        Self::BilledOutput,
    ];

    /// Returns the parts of the input or the output that a provider may count beside it.
    pub(super) const fn parts(self) -> &'static [Self] {
        match self {
            Self::Input => {
                &[Self::Cached, Self::CacheWrite, Self::ToolPrompt, Self::AudioInput, Self::ImageInput]
            }
            Self::Output => &[Self::Reasoning],
            _ => &[],
        }
    }

    /// Returns the key in events.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Input => "input_tokens",
            Self::Output => "output_tokens",
            Self::Cached => "cached_tokens",
            Self::CacheWrite => "cache_write_tokens",
            Self::Reasoning => "reasoning_tokens",
            Self::CacheWrite5m => "cache_write_5m_tokens",
            Self::CacheWrite1h => "cache_write_1h_tokens",
            Self::ToolPrompt => "tool_prompt_tokens",
            Self::AudioInput => "audio_input_tokens",
            Self::ImageInput => "image_input_tokens",
            Self::AudioOutput => "audio_output_tokens",
            Self::ImageOutput => "image_output_tokens",
            Self::Total => "total_tokens",
            Self::WebSearches => "web_search_requests",
            Self::BilledInput => "billed_input_tokens",
            Self::BilledOutput => "billed_output_tokens",
        }
    }

    /// Returns the count that includes this one, and what to report if it does not.
    pub(super) const fn whole(self) -> Option<(Self, &'static str)> {
        match self {
            Self::Cached => Some((Self::Input, "cached_exceeds_input")),
            Self::CacheWrite => Some((Self::Input, "cache_write_exceeds_input")),
            Self::ToolPrompt => Some((Self::Input, "tool_prompt_exceeds_input")),
            Self::AudioInput => Some((Self::Input, "audio_exceeds_input")),
            Self::ImageInput => Some((Self::Input, "image_exceeds_input")),
            Self::Reasoning => Some((Self::Output, "reasoning_exceeds_output")),
            Self::AudioOutput => Some((Self::Output, "audio_exceeds_output")),
            Self::ImageOutput => Some((Self::Output, "image_exceeds_output")),
            Self::CacheWrite5m => Some((Self::CacheWrite, "cache_write_5m_exceeds_cache_write")),
            Self::CacheWrite1h => Some((Self::CacheWrite, "cache_write_1h_exceeds_cache_write")),
            Self::Input
            | Self::Output
            | Self::Total
            | Self::WebSearches
            | Self::BilledInput
            | Self::BilledOutput => None,
        }
    }

    /// Returns whether the key is in every event with a usage. The others are there only if the count is known.
    pub(super) const fn is_always_shown(self) -> bool {
        matches!(self, Self::Input | Self::Output | Self::Cached | Self::CacheWrite | Self::Reasoning)
    }
}

/// A set of terms, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms(u16);

impl Terms {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(u16::MAX);

    /// The set of one term.
    pub(super) const fn one(term: Term) -> Self {
        Self(1 << term as u16)
    }

    /// The terms that are in either set.
    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The terms that are in both sets.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The terms that are not in the other set.
    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn contains(self, term: Term) -> bool {
        self.0 & Self::one(term).0 != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
