use std::borrow::Cow;

use tracing::field::{Field, ValueSet};
use tracing::span::Id;
use tracing::{Dispatch, Event, Value};

use super::site::Site;
use crate::convention::Attribute;
use crate::convention::taker::Taker;

/// How many values a span has at its start, or gets at its end, most times; and how many are recorded at once.
const USUAL: usize = 12;
const MOST: usize = 64;

/// Values for the fields of one callsite, kept until the subscriber has seen them.
#[derive(Debug)]
pub(super) struct Values<'a> {
    site: &'static Site,
    names: &'static [&'static str],
    given: Vec<(usize, Attribute<'a>)>,
    /// Where the next key is looked for.
    next: usize,
}

/// Keys come in the order in which the callsite has them; one that it does not have, or that came before, says nothing: a
/// key of the user's takes no other's place.
impl<'a> Taker<'a> for Values<'a> {
    #[inline(always)]
    fn take(&mut self, key: &'static str, value: Attribute<'a>) {
        // Most keys are the very text that the callsite was made of: two words to compare, and no letter.
        let same = self.names[self.next..].iter().position(|name| std::ptr::eq(*name, key));
        if let Some(skipped) = same.or_else(|| self.skipped_to(key)) {
            self.give_to(self.next + skipped, value);
        }
    }

    fn take_own(&mut self, key: Cow<'static, str>, value: Attribute<'a>) {
        if let Some(skipped) = self.skipped_to(&key) {
            self.give_to(self.next + skipped, value);
        }
    }
}

impl<'a> Values<'a> {
    pub(super) fn new(site: &'static Site) -> Self {
        Self { site, names: site.names(), given: Vec::with_capacity(USUAL), next: 0 }
    }

    pub(super) fn text(&mut self, key: &'static str, text: impl Into<Cow<'a, str>>) {
        self.take(key, Attribute::Text(text.into()));
    }

    #[cold]
    fn skipped_to(&self, key: &str) -> Option<usize> {
        self.names[self.next..].iter().position(|name| *name == key)
    }

    #[inline(always)]
    fn give_to(&mut self, place: usize, value: Attribute<'a>) {
        self.next = place + 1;
        // `tracing` has no lists.
        let value = match value {
            Attribute::Texts(_) => Attribute::Text(value.to_string().into()),
            other => other,
        };
        self.given.push((place, value));
    }

    /// Tells them as an event inside a span, if the subscriber wants it.
    pub(super) fn tell(mut self, dispatch: &Dispatch, span: &Id, add: impl FnOnce(&mut Self)) {
        if self.site.is_enabled(dispatch) {
            add(&mut self);
            self.give(|set: &ValueSet<'_>| {
                dispatch.event(&Event::new_child_of(span.clone(), self.site.metadata(), set));
            });
        }
    }

    /// Gives them in sets, in one almost always; once at least.
    pub(super) fn give(&self, mut take: impl FnMut(&ValueSet<'_>)) {
        if self.given.len() <= USUAL {
            return self.set::<USUAL>(&self.given, &mut take);
        }
        for piece in self.given.chunks(MOST) {
            self.set::<MOST>(piece, &mut take);
        }
    }

    /// A set of values has an array's length: what is not given is empty.
    fn set<const N: usize>(&self, given: &[(usize, Attribute<'_>)], take: &mut impl FnMut(&ValueSet<'_>)) {
        let fields = self.site.fields();
        let empty: (&Field, Option<&dyn Value>) = (&fields[0], None);
        let mut values = [empty; N];
        for (slot, (place, value)) in values.iter_mut().zip(given) {
            *slot = (&fields[*place], as_value(value));
        }
        take(&self.site.metadata().fields().value_set(&values));
    }
}

fn as_value<'v>(attribute: &'v Attribute<'_>) -> Option<&'v dyn Value> {
    Some(match attribute {
        Attribute::Text(Cow::Borrowed(text)) => text,
        Attribute::Text(Cow::Owned(text)) => text,
        Attribute::Literal(text) => text,
        Attribute::Int(number) => number,
        Attribute::Float(number) => number,
        Attribute::Bool(truth) => truth,
        Attribute::Texts(_) => return None,
    })
}
