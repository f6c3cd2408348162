//! What a usage amounts to: computes input and output with their parts from the provider's own numbers.

use super::term::{Term, Terms};
use super::usage::Usage;

const REASONING: Terms = Terms::one(Term::Reasoning);
const CACHE: Terms = Terms::one(Term::Cached).with(Terms::one(Term::CacheWrite));

/// The readings of a total, in the order in which they are tried: the parts that are counted beside their whole.
///
/// The first is OpenAI's, the second xAI's (chat) and Gemini's, the third Bedrock's, the last Mistral's.
const READINGS: [Terms; 5] =
    [Terms::NONE, REASONING, CACHE, REASONING.with(CACHE), Terms::one(Term::AudioInput)];

/// The input and the output with all their parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wholes {
    input: Option<u64>,
    output: Option<u64>,
}

impl Usage {
    /// Adds up the input and the output.
    pub(super) fn wholes(&self) -> Wholes {
        let beside = self.parts_beside();
        Wholes { input: self.whole(Term::Input, beside), output: self.whole(Term::Output, beside) }
    }

    /// Returns whether the input or the output is known.
    pub(crate) fn has_tokens(&self) -> bool {
        // Not by the total: it matters only if both are known.
        [Term::Input, Term::Output].into_iter().any(|term| self.whole(term, self.beside).is_some())
    }

    /// Returns a count as it is reported in events: a whole with all its parts, or a part unless it is larger than its whole.
    pub(super) fn read(&self, term: Term) -> Option<u64> {
        match term {
            // Exporters read these most, and each does not need the other.
            Term::Input | Term::Output => self.whole(term, self.parts_beside()),
            part => self.count(part).and_then(|_| self.read_of(part, &self.wholes())),
        }
    }

    /// As [`read`](Self::read), for several counts: their wholes are added up once.
    pub(super) fn read_of(&self, term: Term, wholes: &Wholes) -> Option<u64> {
        match term {
            Term::Input => wholes.input,
            Term::Output => wholes.output,
            part => {
                let count = self.count(part)?;
                let Some((whole, _)) = part.whole() else { return Some(count) };
                let fits = match self.read_of(whole, wholes) {
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
        let told = |term| self.counts[term as usize];
        match term {
            Term::CacheWrite => {
                told(term).or_else(|| add(told(Term::CacheWrite5m), told(Term::CacheWrite1h)))
            }
            _ => told(term),
        }
    }

    /// Returns the parts that are beside their whole: those that were reported as such, and those that the total shows to be.
    fn parts_beside(&self) -> Terms {
        // A total says nothing about the parts of a count that is not known yet.
        let counts = [Term::Total, Term::Input, Term::Output].map(|term| self.counts[term as usize]);
        let [total @ Some(_), Some(_), Some(_)] = counts else { return self.beside };
        let fits = |beside: &Terms| {
            add(self.whole(Term::Input, *beside), self.whole(Term::Output, *beside)) == total
        };
        let mut readings = READINGS.into_iter().map(|reading| self.beside.with(reading.without(self.inside)));
        readings.find(fits).unwrap_or(self.beside)
    }

    /// Returns the reported count plus the parts beside it.
    fn whole(&self, whole: Term, beside: Terms) -> Option<u64> {
        let mut sum = self.count(whole);
        if !beside.is_empty() {
            for &part in whole.parts().iter().filter(|part| beside.contains(**part)) {
                sum = add(sum, self.count(part));
            }
        }
        sum
    }
}

/// Adds two counts; one that is not known adds nothing.
fn add(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.saturating_add(right)),
        (left, right) => left.or(right),
    }
}
