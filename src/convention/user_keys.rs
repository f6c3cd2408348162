//! The user's own keys: which of them are exported as attributes.

use std::borrow::Cow;

use super::attribute::Attribute;
use super::convention::Convention;
use super::policy::Outgoing;
use crate::event::{Entry, Event, SpanName, Value};

impl Convention {
    /// Returns the user-defined keys that the policy names. If it [allows all](Self::allows_all_user_keys), there may be
    /// others.
    #[must_use]
    pub fn user_keys(&self) -> &[Cow<'static, str>] {
        self.policy.named_user_keys()
    }

    /// Returns whether the policy allows every user-defined key.
    #[must_use]
    pub fn allows_all_user_keys(&self) -> bool {
        self.policy.allows_all_user_keys()
    }

    /// Calls `each` with the user-defined keys that the policy allows: at a span's start those that were set by then, at its
    /// end those that were recorded since. A key that is also the key of a standard attribute is left out, unless the policy
    /// names it.
    pub fn user_attributes<'a>(
        &self,
        event: &Event<'a>,
        mut each: impl FnMut(&Cow<'static, str>, Attribute<'a>),
    ) {
        let (named, all) = (self.user_keys(), self.allows_all_user_keys());
        let Some(span) = self.view(event).filter(|_| all || !named.is_empty()) else { return };
        let mut visit = |entry: Entry<'a>| {
            let unnamed;
            let key = match named.iter().find(|key| entry.from_user && *key == entry.key) {
                Some(key) => key,
                None if all && entry.from_user && !self.is_standard(span.start.name, entry.key) => {
                    unnamed = Cow::Owned(self.policy.bounds.key(entry.key));
                    &unnamed
                }
                None => return,
            };
            // The attributes of the start were already exported, so only new or changed values follow at the end.
            let at_start = span.end.and_then(|_| span.start.user_value(entry.key)).map(Value::as_value_ref);
            if at_start != Some(entry.value)
                && let Some(mut value) = Attribute::of(entry.value)
                && self.policy.bounds.attribute(&mut value)
            {
                each(key, value);
            }
        };
        event.visit_metadata(&mut visit);
        event.visit_measurements(&mut visit);
    }

    /// Returns what the policy allows to export of an entry. See [`Policy::apply`](crate::Policy::apply).
    #[must_use]
    pub fn outgoing<'a>(&self, entry: &Entry<'a>) -> Option<Outgoing<'a>> {
        self.policy.apply(entry)
    }

    fn is_standard(&self, span: SpanName, key: &str) -> bool {
        self.rules(span).any(|rule| rule.key() == key)
    }
}
