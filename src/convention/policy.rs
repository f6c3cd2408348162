use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::event::{Content, Entry, Value, ValueRef};
use crate::registry::quietly;

/// A redaction function: takes a content field's key and value, and returns what may leave. `None` lets nothing through.
pub type Redact = dyn Fn(&str, ValueRef<'_>) -> Option<Value> + Send + Sync;

/// What may leave the process through an exporter: by default the catalogue's keys, no content, and none of the user's keys.
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

    /// Allows these keys of the user's own.
    #[must_use]
    pub fn user_keys<K: Into<Cow<'static, str>>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.user_keys.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Allows content fields, as `redact` returns them. A redactor that panics lets nothing through.
    ///
    /// The last call of this and [`content_unredacted`](Self::content_unredacted) decides both the fields and the redactor.
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

    /// Allows content fields as they are.
    ///
    /// The last call of this and [`content`](Self::content) decides: an earlier redactor is no longer used.
    #[must_use]
    pub fn content_unredacted(mut self, fields: Content) -> Self {
        self.content = fields;
        self.redact = None;
        self
    }

    /// Returns which content is allowed.
    #[must_use]
    pub fn allowed_content(&self) -> Content {
        self.content
    }

    /// The user's keys that are allowed.
    pub(super) fn allowed_user_keys(&self) -> &[Cow<'static, str>] {
        &self.user_keys
    }

    /// Returns what may leave of an entry of an event's metadata, for an exporter of your own. `None`: not even the key.
    #[must_use]
    pub fn apply<'a>(&self, entry: &Entry<'a>) -> Option<Outgoing<'a>> {
        if entry.from_user {
            let is_allowed = self.user_keys.iter().any(|key| key == entry.key);
            return is_allowed.then_some(Outgoing::AsIs(entry.value));
        }
        let content = Content::of_key(entry.key);
        if content != Content::NONE && !self.content.intersects(content) {
            // The key `output` is present only if an output was recorded, so the key alone would give that away.
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

/// What may leave of an entry, as a [`Policy`] decides.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outgoing<'a> {
    /// The value itself, or null in place of content.
    AsIs(ValueRef<'a>),
    /// What the redactor returned.
    Redacted(Value),
}

impl<'a> Outgoing<'a> {
    /// As text; `None` if nothing may leave.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::AsIs(value) => value.to_text(),
            Self::Redacted(value) => value.into_text(),
        }
    }

    /// Returns the value that may leave.
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
