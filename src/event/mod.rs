#![doc = include_str!("../../docs/events.md")]
// Layer 0: names and values. This layer does not depend on handlers, listeners or tasks.
//
// `SpanName::row` is the catalogue: it defines the keys of each span's events. `KnownEvent` assigns each of those events an
// index, by which the registry finds its handlers without comparing text.
//
// `SpanStart` stores what all events of a span have in common; `SpanEnd` stores what is added at the end: the outcome, the
// duration and the values that observers recorded. An `Event` borrows both. Reading a key visits the entries; no map is
// built. `OwnedEvent` clones both for handlers that keep events.
//
// The order of an event's entries is that of the catalogue. `SpanStart::visit_standard` and `SpanEnd::visit_metadata`
// implement it. Each entry records whether its key is user-defined, because exporters send such keys only if a `Policy` lists
// them.
//
// Items re-exported at the crate root are `pub(crate)` here, so that each has one public path. Their modules are `pub(crate)`
// as well, because the root can re-export them only through the module in which they are `pub`.

mod catalogue;
mod chunk_kind;
mod clock;
pub(crate) mod content;
pub(crate) mod end;
mod entry;
mod event_name;
mod fields;
#[cfg(feature = "serde_json")]
mod from_json;
mod given;
mod heap_size;
mod image_operation;
mod inherited;
pub(crate) mod json;
mod known_event;
mod lazy_box;
mod number;
mod outcome;
mod owned;
mod phase;
pub(crate) mod request_id;
mod results;
pub(crate) mod sanitize;
mod short_text;
mod span_id;
pub(crate) mod span_name;
mod start;
pub(crate) mod trace_parent;
pub(crate) mod usage;
mod utf8_joiner;
mod value;
pub(crate) mod view;

pub use catalogue::{
    OPTIONAL_END_KEYS, OPTIONAL_END_MEASUREMENTS, OPTIONAL_START_KEYS, SpanRow, event_prefix,
};
pub use chunk_kind::ChunkKind;
pub use clock::{Clock, SystemClock};
pub use entry::{Entries, Entry};
pub use event_name::{EventName, ParseEventNameError};
pub use fields::{Fields, Key, Measurements, Metadata};
pub use given::{OptionalNumber, OptionalText};
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

pub(crate) use chunk_kind::ChunkKinds;
pub(crate) use clock::{Time, TimeSource};
pub(crate) use content::Content;
pub(crate) use end::{Failure, SpanEnd, StreamTimes};
pub(crate) use inherited::Inherited;
pub(crate) use known_event::KnownEvent;
pub(crate) use request_id::{LazyRequestId, RequestId, RequestIdCell};
pub(crate) use results::{LazyResults, Results};
pub(crate) use span_name::SpanName;
pub(crate) use start::SpanStart;
pub(crate) use trace_parent::{TraceParent, trim};
pub(crate) use usage::Usage;
pub(crate) use view::{Data, Event, PhaseData};
