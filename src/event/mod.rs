#![doc = include_str!("../../docs/events.md")]
// Layer 0: names and values. Nothing here knows handlers, listeners or tasks.
//
// The catalogue is defined in `SpanName::row`: which keys the events of a span have. `KnownEvent` gives each of those
// events an index, which the registry uses in place of the name's text.
//
// While a span runs, `SpanStart` has what all its events share. At its end, `SpanEnd` has the rest: outcome, duration,
// what the observers recorded. An `Event` borrows both and adds nothing: a handler that reads one key visits the entries
// of the event until it finds it, and no map is built. `OwnedEvent` clones the two for handlers that keep events.
//
// The order of an event's entries is the catalogue's, and is decided where they are visited, in `SpanStart::visit_standard`
// and `SpanEnd::visit_metadata`. Each entry says whether its key is the user's own, because such a key leaves the process
// only when a policy names it.
//
// What the crate root re-exports is `pub(crate)` here, so that each public item has one path. Its file is
// `pub(crate)` too, because a re-export at the root must name a path on which the item itself is public.

mod catalogue;
mod clock;
pub(crate) mod content;
pub(crate) mod end;
mod entry;
mod event_name;
mod fields;
#[cfg(feature = "serde_json")]
mod from_json;
mod image_operation;
pub(crate) mod json;
mod known_event;
mod number;
mod outcome;
mod owned;
mod phase;
pub(crate) mod request_id;
mod results;
pub(crate) mod sanitize;
mod span_id;
pub(crate) mod span_name;
mod start;
pub(crate) mod usage;
mod value;
pub(crate) mod view;

pub use catalogue::{SpanRow, event_prefix};
pub use clock::{Clock, SystemClock};
pub use entry::{Entries, Entry};
pub use event_name::{EventName, ParseEventNameError};
pub use fields::{Fields, Key, Measurements, Metadata};
pub use image_operation::ImageOperation;
pub use number::Number;
pub use outcome::{Outcome, UsageStatus};
pub use owned::OwnedEvent;
pub use phase::Phase;
pub use request_id::ParseRequestIdError;
pub use span_id::SpanId;
pub use span_name::ParseSpanNameError;
pub use usage::TokenCount;
pub use value::{Value, ValueRef};

pub(crate) use clock::{Time, TimeSource};
pub(crate) use content::Content;
pub(crate) use end::{Failure, SpanEnd, StreamTimes};
pub(crate) use known_event::KnownEvent;
pub(crate) use request_id::{LazyRequestId, RequestId, RequestIdCell};
pub(crate) use results::{LazyResults, Results};
pub(crate) use span_name::SpanName;
pub(crate) use start::SpanStart;
pub(crate) use usage::Usage;
pub(crate) use view::{Data, Event, Moment};
