#![doc = include_str!("../docs/overview.md")]
#![doc = include_str!("../docs/events.md")]
#![doc = include_str!("../docs/conventions.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod event;

mod registry;

mod context;

mod span;

mod instrument;

mod convention;

pub mod bridge;
pub mod testing;

pub use context::{
    Context, InContext, attach, attach_many, current_request_id, detach, execute, list_handlers, listen,
    subscribe, subscribe_with, with_request_id,
};
pub use convention::{
    Attribute, Convention, Instrument, Label, Outgoing, Policy, Profile, Redact, Rule, SpanKind,
};
pub use event::{
    CATALOGUE, Clock, Content, Entries, Entry, Event, EventName, Fields, Key, Measurements, Metadata, Number,
    Outcome, OwnedEvent, ParseEventNameError, ParseRequestIdError, ParseSpanNameError, Phase, RequestId,
    SpanId, SpanName, SpanRow, SystemClock, TokenCount, Usage, UsageStatus, Value, ValueRef, event_prefix,
};
pub use instrument::{
    ClosureContextExt, FutureSpanExt, JoinSetContextExt, Opening, Opens, SpanFuture, SpanReturn, SpanStream,
    StreamSpanExt, span, span_sync, spawn, spawn_blocking, spawn_local,
};
pub use registry::{
    AttachError, DetachError, Flushed, HandlerInfo, Listener, MAX_LISTENERS, QueueCounts, Sink, SinkGuard,
    SubscribeOptions, Subscription, Telemetry, WhenFull, capture_panic_backtraces,
};
pub use span::{
    ActiveSpan, Both, ByDisplay, Classify, Described, ErrorInfo, Fallible, Fault, ImageOperation, Input,
    Judge, KeepResponse, NoObserver, OnChunk, OnStop, Output, Plain, Record, Span, Then, Trying, Typed,
    adapter_retry, retry_notifier, retry_notifier_with,
};

/// What most code needs: `use allm_telemetry::prelude::*;`.
pub mod prelude {
    pub use crate::event::{Event, SpanName, Usage};
    pub use crate::instrument::{
        ClosureContextExt as _, FutureSpanExt as _, JoinSetContextExt as _, StreamSpanExt as _,
    };
    pub use crate::span::{Record, Span};
}
