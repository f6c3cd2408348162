use std::borrow::Cow;
use std::iter;

use tracing::field::{Field, ValueSet};
use tracing::span::Id;
use tracing::{Dispatch, Event, Value};

use super::callsite::DynamicCallsite;
use crate::convention::Attribute;

/// The length of the array in which most spans' values fit, at the start and at the end; and of the one for the others.
const SMALL: usize = 12;
const LARGE: usize = 64;

/// Values for the fields of one callsite, kept until the subscriber has recorded them.
#[derive(Debug)]
pub(super) struct Values<'a> {
    callsite: &'static DynamicCallsite,
    /// Each with the index of its field.
    values: Vec<(usize, Attribute<'a>)>,
    /// The index of the first field that a later key can have.
    next: usize,
}

impl<'a> Values<'a> {
    pub(super) fn new(callsite: &'static DynamicCallsite) -> Self {
        Self { callsite, values: Vec::with_capacity(SMALL), next: 0 }
    }

    pub(super) fn text(&mut self, key: &str, text: impl Into<Cow<'a, str>>) {
        self.push(key, Attribute::Text(text.into()));
    }

    /// Adds a value. Keys are added in the order in which the callsite declares them. A key that it does not declare, or
    /// that was added before, is ignored: a key of the user's own does not replace another.
    // Inlined, and added by `extend`, so that the value is moved once: each further copy costs 10 ns a value.
    #[inline(always)]
    pub(super) fn push(&mut self, key: &str, value: Attribute<'a>) {
        let declared = &self.callsite.fields()[self.next..];
        let Some(skipped) = declared.iter().position(|field| field.name() == key) else { return };
        let index = self.next + skipped;
        self.next = index + 1;
        // `tracing` has no lists.
        let value = match value {
            Attribute::Texts(_) => Attribute::Text(value.to_string().into()),
            other => other,
        };
        self.values.extend(iter::once_with(|| (index, value)));
    }

    /// Records them as an event inside a span, if it is enabled. `add` is not called otherwise.
    pub(super) fn record_event(mut self, dispatch: &Dispatch, span: &Id, add: impl FnOnce(&mut Self)) {
        if self.callsite.is_enabled(dispatch) {
            add(&mut self);
            self.visit(|set: &ValueSet<'_>| {
                dispatch.event(&Event::new_child_of(span.clone(), self.callsite.metadata(), set));
            });
        }
    }

    /// Calls `visit` with all values, almost always in one call, and at least once.
    pub(super) fn visit(&self, mut visit: impl FnMut(&ValueSet<'_>)) {
        if self.values.len() <= SMALL {
            return self.visit_set::<SMALL>(&self.values, &mut visit);
        }
        for chunk in self.values.chunks(LARGE) {
            self.visit_set::<LARGE>(chunk, &mut visit);
        }
    }

    /// A `ValueSet` is made of an array, whose length the compiler has to know. The rest of the array has no values.
    fn visit_set<const N: usize>(
        &self,
        values: &[(usize, Attribute<'_>)],
        visit: &mut impl FnMut(&ValueSet<'_>),
    ) {
        let fields = self.callsite.fields();
        let empty: (&Field, Option<&dyn Value>) = (&fields[0], None);
        let mut set = [empty; N];
        for (slot, (index, value)) in set.iter_mut().zip(values) {
            *slot = (&fields[*index], as_value(value));
        }
        visit(&self.callsite.metadata().fields().value_set(&set));
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
