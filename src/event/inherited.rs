use std::sync::Arc;

use super::fields::{Key, Metadata};
use super::trace_parent::TraceParent;
use super::value::Value;

/// What a context passes on to everything inside, besides the request id. Shared, and allocated only if there is any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inherited {
    pub(crate) baggage: Metadata,
    /// The span of another process that caused the request.
    pub(crate) remote_parent: Option<TraceParent>,
}

impl Inherited {
    /// Adds an entry of baggage to what is not shared yet.
    pub(crate) fn add_baggage(inherited: &mut Option<Arc<Self>>, key: Key, value: Value) {
        Arc::make_mut(inherited.get_or_insert_default()).baggage.insert(key, value);
    }

    /// Combines what is inherited from an outer context with what an inner one adds. The inner one takes precedence.
    pub(crate) fn nest(outer: Option<&Arc<Self>>, inner: Option<Arc<Self>>) -> Option<Arc<Self>> {
        match (outer, inner) {
            (outer, None) => outer.cloned(),
            (None, inner) => inner,
            (Some(outer), Some(inner)) => {
                let (mut both, inner) = (Self::clone(outer), Arc::unwrap_or_clone(inner));
                both.baggage.extend(inner.baggage);
                both.remote_parent = inner.remote_parent.or(both.remote_parent);
                Some(Arc::new(both))
            }
        }
    }
}
