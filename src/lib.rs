#![doc = include_str!("../docs/overview.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

pub mod event;

mod registry;

mod context;

mod span;

mod instrument;

pub mod convention;

pub mod bridge;
pub mod testing;

pub use context::{
    Context, attach, attach_many, current_request_id, detach, execute, listen, subscribe, with_request_id,
};
pub use convention::policy::Policy;
pub use event::{content::Content, request_id::RequestId, span_name::SpanName, usage::Usage, view::Event};
pub use instrument::{
    ClosureContextExt, FutureSpanExt, JoinSetContextExt, StreamSpanExt, span, span_sync, spawn,
    spawn_blocking, spawn_local,
};
pub use registry::{Listener, Telemetry, capture_panic_backtraces};
pub use span::{Record, Span, adapter_retry, retry_notifier, retry_notifier_with};

/// The types around attaching: errors, options, queues, sinks and the lists of handlers.
///
/// Three kinds of receivers are attached under unique ids. A handler is a function, see [`attach`] and
/// [`attach_many`]; it runs in the task that emits, so it must not block. A [`Listener`] follows whole spans and keeps a state
/// for each, see [`listen`]. A [`Subscription`](handler::Subscription) is a bounded queue that async code reads as a
/// `Stream`, see [`subscribe`]; a [`Sink`](handler::Sink) writes such a queue from a thread of its own.
pub mod handler {
    pub use crate::context::{list_handlers, subscribe_with};
    pub use crate::registry::{
        AttachError, DetachError, Flushed, HandlerInfo, MAX_LISTENERS, QueueCounts, Sink, SinkGuard,
        SubscribeOptions, Subscription, WhenFull,
    };
}

/// The types behind the methods of [`Span`] and of the extension traits.
///
/// Calls infer them. Name one where a signature or a struct field needs it, such as
/// [`SpanStream`](observe::SpanStream) in a struct that keeps a wrapped stream. Programs do not implement the traits.
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

/// The names that most code needs: `use allm_telemetry::prelude::*;`.
pub mod prelude {
    pub use crate::event::{span_name::SpanName, usage::Usage, view::Event};
    pub use crate::instrument::{
        ClosureContextExt as _, FutureSpanExt as _, JoinSetContextExt as _, StreamSpanExt as _,
    };
    pub use crate::span::{Record, Span};
}
