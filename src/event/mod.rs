//! Floor 0: words and values. Names, metadata, measurements, usage, ids, the clock and the catalogue.
//!
//! Nothing here knows who listens or where it runs.

mod catalogue;
mod clock;
mod content;
mod end;
mod entry;
mod event_name;
mod fields;
mod number;
mod outcome;
mod owned;
mod rare;
mod request_id;
pub(crate) mod sanitize;
mod span_id;
mod span_name;
mod start;
mod usage;
mod value;
mod view;

pub use catalogue::{CATALOGUE, SpanRow, event_prefix};
pub use clock::{Clock, SystemClock};
pub use content::Content;
pub use entry::{Entries, Entry};
pub use event_name::{EventName, ParseEventNameError};
pub use fields::{Fields, Key, Measurements, Metadata};
pub use number::Number;
pub use outcome::{Outcome, UsageStatus};
pub use owned::OwnedEvent;
pub use request_id::{ParseRequestIdError, RequestId};
pub use span_id::SpanId;
pub use span_name::{ParseSpanNameError, Phase, SpanName};
pub use usage::{TokenCount, Usage};
pub use value::{Value, ValueRef};
pub use view::Event;

pub(crate) use clock::{Time, TimeSource};
pub(crate) use end::{Results, SpanEnd, StreamTimes, Trouble};
pub(crate) use event_name::EventIndex;
pub(crate) use rare::Rare;
pub(crate) use request_id::{LazyRequestId, RequestIdCell};
pub(crate) use start::SpanStart;
pub(crate) use view::{Data, Moment};
