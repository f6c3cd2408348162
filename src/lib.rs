#![doc = include_str!("../docs/overview.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
// `clippy.toml` limits the clock, the task-local and `catch_unwind` to one file each, and forbids printing.
#![deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

// In the order of the layers, lowest first; see CONTRIBUTING.md.
pub mod event;

mod registry;

mod context;

mod span;

mod instrument;

pub mod convention;

pub mod bridge;
pub mod testing;

mod start;

pub use context::{
    Context, attach, attach_many, current_request_id, detach, execute, listen, shutdown, subscribe,
    with_baggage, with_request_id,
};
pub use convention::policy::Policy;
pub use event::{content::Content, request_id::RequestId, span_name::SpanName, usage::Usage, view::Event};
pub use instrument::{
    ClosureContextExt, FutureSpanExt, JoinSetContextExt, StreamSpanExt, span, span_sync, spawn,
    spawn_blocking, spawn_local,
};
pub use registry::{Listener, Telemetry, capture_panic_backtraces};
pub use span::{Record, Span, adapter_retry, retry_notifier, retry_notifier_with};
pub use start::init;

/// Types for attaching handlers: errors, options, queues, sinks and handler lists.
///
/// Handlers, listeners, subscriptions and sinks are each attached under a unique id. A handler is a function, see [`attach`] and
/// [`attach_many`]; it runs in the task that emits, so it must not block. A [`Listener`] observes spans from start to end and
/// stores a state per span, see [`listen`]. A [`Subscription`](handler::Subscription) is a bounded queue that async code reads
/// as a `Stream`, see [`subscribe`]. A [`Sink`](handler::Sink) drains such a queue on a dedicated thread. [`init`] returns an
/// [`InitGuard`](handler::InitGuard), and [`shutdown`] a [`ShutdownReport`](handler::ShutdownReport).
pub mod handler {
    pub use crate::context::{list_handlers, shutdown_blocking, subscribe_with};
    pub use crate::registry::{
        AttachError, Chunk, DetachError, EventNameError, ExporterReport, Flushed, HandlerInfo, MAX_LISTENERS,
        OpenSpans, QueueCounts, ReopenHandle, ShutdownReport, Sink, SinkGuard, SubscribeOptions,
        Subscription, WhenFull,
    };
    pub use crate::start::{InitError, InitGuard};
}

/// Propagation of request ids, traces and baggage to and from other processes, in headers.
///
/// A server calls [`Context::extract`] with the headers of a request and handles it in the context that is returned. A client
/// calls [`Context::inject`] and sends the headers. A [`Propagation`](propagation::Propagation) lists the baggage to send and to accept.
pub mod propagation {
    pub use crate::context::Propagation;
    pub use crate::event::trace_parent::TraceParent;
}

/// The types returned and required by the methods of [`Span`] and of the extension traits.
///
/// The compiler usually infers them. Use their names in signatures and struct fields, such as [`SpanStream`](observe::SpanStream) in a struct
/// that contains a wrapped stream. The traits are sealed.
pub mod observe {
    pub use crate::context::InContext;
    pub use crate::event::end::Failure;
    pub use crate::instrument::{
        InfallibleItems, OpenStream, OpenedInfallible, Opens, SpanFuture, SpanReturn, SpanStream,
    };
    pub use crate::span::observe::{
        AsResult, Classify, DescribeBy, Fallible, Infallible, KeepResponse, NoObserver, Observe, Observer,
        OnEnd, OnValue, Outcomes, Seen, WithInput,
    };
    pub use crate::span::{ActiveSpan, Recorded};
}

/// The items that most code needs: `use allm_telemetry::prelude::*;`.
pub mod prelude {
    pub use crate::event::{span_name::SpanName, usage::Usage, view::Event};
    pub use crate::instrument::{
        ClosureContextExt as _, FutureSpanExt as _, JoinSetContextExt as _, StreamSpanExt as _,
    };
    pub use crate::span::{Record, Span};
}
