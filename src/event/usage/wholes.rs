//! What a usage amounts to: computes input and output with their parts from the provider's own numbers.

use super::term::{Place, Term};
use super::usage::Usage;

/// The readings of a total, in the order in which they are tried: the parts that are counted beside their whole.
///
/// The first is OpenAI's, the second xAI's (chat) and Gemini's, the third Bedrock's, the last Mistral's.
const READINGS: [&[Term]; 5] = [
    &[],
    &[Term::Reasoning],
    &[Term::Cached, Term::CacheWrite],
    &[Term::Reasoning, Term::Cached, Term::CacheWrite],
    &[Term::AudioInput],
];

impl Usage {
    /// Returns a count as it is reported in events: a whole with all its parts, or a part unless it is larger than its whole.
    pub(super) fn read(&self, term: Term) -> Option<u64> {
        match term {
            Term::Input | Term::Output => self.whole(term, self.shown_beside()),
            part => {
                let count = self.count(part)?;
                let Some((whole, _)) = part.whole() else { return Some(count) };
                let fits = match self.read(whole) {
                    Some(whole) => count <= whole,
                    // Nothing to compare with, unless the whole is itself a part that is too large to be reported.
                    None => self.count(whole).is_none(),
                };
                fits.then_some(count)
            }
        }
    }

    /// Returns the number that was reported. What was written to the cache may be reported only by lifetime.
    pub(super) fn count(&self, term: Term) -> Option<u64> {
        let count = self.counts[term as usize];
        match term {
            Term::CacheWrite => {
                count.or_else(|| sum([Term::CacheWrite5m, Term::CacheWrite1h].map(|it| self.count(it))))
            }
            _ => count,
        }
    }

    /// Returns the parts whose place the total shows to be beside their whole.
    fn shown_beside(&self) -> &'static [Term] {
        let told = |term| self.counts[term as usize];
        // A total says nothing about the parts of a count that is not known yet.
        let (Some(total), Some(_), Some(_)) = (told(Term::Total), told(Term::Input), told(Term::Output))
        else {
            return &[];
        };
        let sum_of = |reading| sum([Term::Input, Term::Output].map(|whole| self.whole(whole, reading)));
        READINGS.into_iter().find(|reading| sum_of(reading) == Some(total)).unwrap_or_default()
    }

    /// Returns the reported count plus the parts beside it: those that were reported as such, and those `shown` to be.
    fn whole(&self, whole: Term, shown: &[Term]) -> Option<u64> {
        let parts: &[Term] = match whole {
            Term::Input => &Term::INPUT_PARTS,
            _ => &Term::OUTPUT_PARTS,
        };
        let is_beside = |part: &Term| match self.places[*part as usize] {
            Place::Beside => true,
            Place::Inside => false,
            Place::Unknown => shown.contains(part),
        };
        let beside = parts.iter().copied().filter(is_beside).map(|part| self.count(part));
        sum([self.count(whole)].into_iter().chain(beside))
    }
}

/// Returns the sum of the known counts, or `None` if none is known.
fn sum(counts: impl IntoIterator<Item = Option<u64>>) -> Option<u64> {
    counts.into_iter().flatten().reduce(u64::saturating_add)
}
