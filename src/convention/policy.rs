use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::event::{Content, Entry, Value, ValueRef};
use crate::registry::quietly;

/// A redaction function: gets a content field's key and value, gives what may leave; `None` lets nothing through.
pub type Redact = dyn Fn(&str, ValueRef<'_>) -> Option<Value> + Send + Sync;

/// What a bridge lets out of the process. By default the catalogue's keys, no content, and none of the user's keys.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{Content, Policy};
///
/// let policy = Policy::new()
///     .user_keys(["tenant"])
///     .content(Content::OUTPUT, |_key, value| Some(value.to_string().replace("secret", "…").into()));
/// # let _ = policy;
/// ```
#[derive(Clone, Default)]
pub struct Policy {
    user_keys: Vec<Cow<'static, str>>,
    content: Content,
    redact: Option<Arc<Redact>>,
}

impl Policy {
    /// No content, none of the user's keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets these keys of the user out.
    #[must_use]
    pub fn user_keys<K: Into<Cow<'static, str>>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.user_keys.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Lets content fields out, as `redact` gives them. A redactor that panics lets nothing through.
    ///
    /// The last call of this and [`content_unredacted`](Self::content_unredacted) wins, fields and redactor both.
    #[must_use]
    pub fn content(
        mut self,
        fields: Content,
        redact: impl Fn(&str, ValueRef<'_>) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        self.content = fields;
        self.redact = Some(Arc::new(redact));
        self
    }

    /// Lets content fields out as they are.
    ///
    /// The last call of this and [`content`](Self::content) wins: a redactor given before is gone.
    #[must_use]
    pub fn content_unredacted(mut self, fields: Content) -> Self {
        self.content = fields;
        self.redact = None;
        self
    }

    /// Which content it lets out.
    #[must_use]
    pub fn allowed_content(&self) -> Content {
        self.content
    }

    /// The user's keys that may leave.
    pub(super) fn named(&self) -> &[Cow<'static, str>] {
        &self.user_keys
    }

    /// What may leave of an entry of an event's metadata, for a bridge of your own. `None`: not even the key.
    #[must_use]
    pub fn apply<'a>(&self, entry: &Entry<'a>) -> Option<Outgoing<'a>> {
        if entry.from_user {
            let named = self.user_keys.iter().any(|key| key == entry.key);
            return named.then_some(Outgoing::AsIs(entry.value));
        }
        let content = Content::of_key(entry.key);
        if content != Content::NONE && !self.content.intersects(content) {
            // The `output` stands only where somebody told it: without it, the key would tell that much.
            return (entry.key != "output").then_some(Outgoing::AsIs(ValueRef::Null));
        }
        if content == Content::NONE || entry.value.is_null() {
            return Some(Outgoing::AsIs(entry.value));
        }
        let Some(redact) = &self.redact else { return Some(Outgoing::AsIs(entry.value)) };
        let redacted = quietly(|| redact(entry.key, entry.value)).flatten();
        Some(Outgoing::Redacted(redacted.unwrap_or_default()))
    }
}

/// What may leave of an entry, as a [`Policy`] says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outgoing<'a> {
    /// The value itself, or null in place of content.
    AsIs(ValueRef<'a>),
    /// What the redactor gave.
    Redacted(Value),
}

impl Outgoing<'_> {
    /// The value that may leave.
    #[must_use]
    pub fn value(&self) -> ValueRef<'_> {
        match self {
            Self::AsIs(value) => *value,
            Self::Redacted(value) => value.as_value_ref(),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("user_keys", &self.user_keys)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}
