use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::bounds::Bounds;
use crate::event::{Content, Entry, Value, ValueRef};
use crate::registry::quietly;

/// A redaction function: receives the key and the value of a content field, and returns the value to export. `None` exports
/// null.
pub type Redact = dyn Fn(&str, ValueRef<'_>) -> Option<Value> + Send + Sync;

/// Determines which data an exporter may send: by default standard keys, but no content and no user-defined keys.
///
/// User-defined keys are those of the metadata, the measurements and the baggage that the user sets, and all keys of events that
/// the user [executes](crate::execute). The same policy has the same effect in every exporter. The labels of metrics are
/// chosen separately, with [`Convention::labels`](crate::convention::Convention::labels).
///
/// # Bounds
///
/// A prompt of 5 MiB would exceed what collectors accept in one request, and lose the spans that are sent with it. A content
/// value is therefore cut at 64 KiB, or at [`max_content_bytes`](Self::max_content_bytes), and every other value at 1 KiB.
/// Text is cut between characters and ends with `…[truncated]`. In a list or a map, such as messages, the texts are
/// shortened to one length at which the whole fits, so that it remains valid JSON. NUL is replaced by U+FFFD in content and
/// attributes, because databases refuse it. [`cut_count`](Self::cut_count) has how many values were cut.
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
    all_user_keys: bool,
    content: Content,
    redact: Option<Arc<Redact>>,
    pub(super) bounds: Bounds,
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

    /// Allows every user-defined key, those that are added to the code later among them.
    ///
    /// The `tracing` bridge, whose spans have a fixed set of fields, exports the keys that are not
    /// [named](Self::user_keys) as one JSON object in the field `allm.user`.
    #[must_use]
    pub fn all_user_keys(mut self) -> Self {
        self.all_user_keys = true;
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

    /// Sets the size at which a content value is cut, in bytes: 64 KiB by default, and at least 64 bytes. It is applied
    /// after redaction.
    ///
    /// A collector that speaks gRPC accepts requests of 4 MiB by default, and a span may have its input and its output in two
    /// attributes each.
    #[must_use]
    pub fn max_content_bytes(mut self, bytes: usize) -> Self {
        self.bounds.set_content(bytes);
        self
    }

    /// Returns how many values were cut, by this policy and by its clones: keep a clone of what an exporter is given.
    #[must_use]
    pub fn cut_count(&self) -> u64 {
        self.bounds.cut_count()
    }

    /// Returns which content is allowed.
    #[must_use]
    pub fn allowed_content(&self) -> Content {
        self.content
    }

    /// Returns the user-defined keys that are allowed by name.
    pub(super) fn named_user_keys(&self) -> &[Cow<'static, str>] {
        &self.user_keys
    }

    pub(super) fn allows_all_user_keys(&self) -> bool {
        self.all_user_keys
    }

    /// Returns what may be exported of an entry of an event's metadata or measurements, cut as described
    /// [above](Self#bounds). If it is `None`, not even the key may be. Call it from your own exporter for each entry.
    #[must_use]
    pub fn apply<'a>(&self, entry: &Entry<'a>) -> Option<Outgoing<'a>> {
        if entry.from_user {
            let is_allowed = self.all_user_keys || self.user_keys.iter().any(|key| key == entry.key);
            return is_allowed.then(|| Outgoing::of(entry.value, self.bounds.metadata(entry.value)));
        }
        let content = Content::of_key(entry.key);
        if content != Content::NONE && !self.content.intersects(content) {
            // The key `output` is present only if an output was recorded, so the key alone would give that away.
            return (entry.key != "output").then_some(Outgoing::AsIs(ValueRef::Null));
        }
        if content == Content::NONE {
            let is_long = entry.key == "stacktrace";
            let cut =
                if is_long { self.bounds.content(entry.value) } else { self.bounds.metadata(entry.value) };
            return Some(Outgoing::of(entry.value, cut));
        }
        let redact = self.redact.as_ref().filter(|_| !entry.value.is_null());
        let Some(redact) = redact else {
            return Some(Outgoing::of(entry.value, self.bounds.content(entry.value)));
        };
        // The redactor is user code. If it panics, nothing is exported; there is no handler to detach.
        let redacted = quietly(|| redact(entry.key, entry.value)).flatten().unwrap_or_default();
        let cut = self.bounds.content(redacted.as_value_ref());
        Some(Outgoing::Changed(cut.unwrap_or(redacted)))
    }
}

/// The value of an entry that a [`Policy`] allows to export.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outgoing<'a> {
    /// The value itself, or null in place of content.
    AsIs(ValueRef<'a>),
    /// What the redactor returned, or what is left of a value that was cut.
    Changed(Value),
}

impl<'a> Outgoing<'a> {
    fn of(value: ValueRef<'a>, cut: Option<Value>) -> Self {
        cut.map_or(Self::AsIs(value), Self::Changed)
    }

    /// Converts the value to text. Returns `None` if it is null.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::AsIs(value) => value.to_text(),
            Self::Changed(value) => value.into_text(),
        }
    }

    /// Returns the value to export.
    #[must_use]
    pub fn value(&self) -> ValueRef<'_> {
        match self {
            Self::AsIs(value) => *value,
            Self::Changed(value) => value.as_value_ref(),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("user_keys", &self.user_keys)
            .field("all_user_keys", &self.all_user_keys)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}
