use std::borrow::Cow;

use tracing::field::{Field, ValueSet};
use tracing::span::Id;
use tracing::{Dispatch, Event, Value};

use super::site::Site;
use crate::convention::Attribute;

/// How many values a span has at its start, or gets at its end, most times; and how many are recorded at once.
const USUAL: usize = 12;
const MOST: usize = 64;

/// Values for the fields of one callsite, kept until the subscriber has seen them.
#[derive(Debug)]
pub(super) struct Values<'a> {
    site: &'static Site,
    given: Vec<(usize, Attribute<'a>)>,
    /// Where the next key is looked for.
    next: usize,
}

impl<'a> Values<'a> {
    pub(super) fn new(site: &'static Site) -> Self {
        Self { site, given: Vec::with_capacity(USUAL), next: 0 }
    }

    pub(super) fn text(&mut self, key: &str, text: impl Into<Cow<'a, str>>) {
        self.push(key, Attribute::Text(text.into()));
    }

    /// Adds a value. Keys come in the order in which the callsite has them. One that it does not have, or that came
    /// before, is left out: a key of the user's takes no other's place.
    pub(super) fn push(&mut self, key: &str, value: Attribute<'a>) {
        let Some(skipped) = self.site.names()[self.next..].iter().position(|name| *name == key) else {
            return;
        };
        let index = self.next + skipped;
        self.next = index + 1;
        // `tracing` has no lists.
        let value = match value {
            Attribute::Texts(_) => Attribute::Text(value.to_string().into()),
            other => other,
        };
        self.given.push((index, value));
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
