use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::event::{Content, Entry, Value, ValueRef};
use crate::registry::quietly;

/// A redaction function: receives the key and the value of a content field, and returns the value to export. `None` exports
/// null.
pub type Redact = dyn Fn(&str, ValueRef<'_>) -> Option<Value> + Send + Sync;

/// Determines which data an exporter may send: by default standard keys, but no content and no user-defined keys.
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
    /// Creates a policy that allows no content and no user-defined keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows these user-defined keys.
    #[must_use]
    pub fn user_keys<K: Into<Cow<'static, str>>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.user_keys.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Allows content fields, as `redact` returns them. If it panics, the value is null.
    ///
    /// The last call of this method or [`content_unredacted`](Self::content_unredacted) sets both the fields and the redactor.
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
    /// The last call of this method or [`content`](Self::content) is used: an earlier redactor is removed.
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

    /// Returns the allowed user-defined keys.
    pub(super) fn allowed_user_keys(&self) -> &[Cow<'static, str>] {
        &self.user_keys
    }

    /// Returns what may be exported of an entry of an event's metadata. If it is `None`, not even the key may be. Call it from
    /// your own exporter for each entry.
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
        // The redactor is user code. If it panics, nothing is exported; there is no handler to detach.
        let redacted = quietly(|| redact(entry.key, entry.value)).flatten();
        Some(Outgoing::Redacted(redacted.unwrap_or_default()))
    }
}

/// The value of an entry that a [`Policy`] allows to export.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outgoing<'a> {
    /// The value itself, or null in place of content.
    AsIs(ValueRef<'a>),
    /// What the redactor returned.
    Redacted(Value),
}

impl<'a> Outgoing<'a> {
    /// Converts the value to text. Returns `None` if it is null.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::AsIs(value) => value.to_text(),
            Self::Redacted(value) => value.into_text(),
        }
    }

    /// Returns the value to export.
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
