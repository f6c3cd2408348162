use std::ops::{Deref, DerefMut};

use super::fields::{Key, Measurements, Metadata};
use super::usage::Usage;
use super::value::Value;

/// The values that observers recorded on a span.
#[derive(Clone, Debug)]
pub(crate) struct Results {
    pub(crate) usage: Option<Usage>,
    pub(crate) response_model: Option<Key>,
    pub(crate) response_id: Option<Key>,
    pub(crate) finish_reasons: Option<Vec<Value>>,
    /// The span's result, if one was recorded.
    pub(crate) value: Value,
    pub(crate) output: Option<Value>,
    /// The counts of the span, and user-defined numbers.
    pub(crate) measurements: Measurements,
    /// User-defined keys.
    pub(crate) metadata: Metadata,
    /// Whether a content closure has panicked. No further one is called for this span.
    pub(crate) content_panicked: bool,
}

/// [`Results`], allocated on the first write.
///
/// Most spans record nothing, and the struct is large. Stored inline, it made an observed span with one handler take 190 ns
/// instead of 164.
#[derive(Clone, Debug, Default)]
pub(crate) struct LazyResults(Option<Box<Results>>);

static EMPTY: Results = Results {
    usage: None,
    response_model: None,
    response_id: None,
    finish_reasons: None,
    value: Value::Null,
    output: None,
    measurements: Measurements::new(),
    metadata: Metadata::new(),
    content_panicked: false,
};

impl Deref for LazyResults {
    type Target = Results;

    fn deref(&self) -> &Results {
        self.0.as_deref().unwrap_or(&EMPTY)
    }
}

impl DerefMut for LazyResults {
    fn deref_mut(&mut self) -> &mut Results {
        self.0.get_or_insert_with(|| Box::new(EMPTY.clone()))
    }
}
