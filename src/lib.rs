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

/// What attaching gives and takes: errors, options, queues and the lists of what is attached.
///
/// A handler is attached with [`attach`] or [`attach_many`], a [`Listener`] with
/// [`listen`], a bounded queue with [`subscribe`]. An exporter that writes from a
/// thread of its own is a [`Sink`](handler::Sink).
pub mod handler {
    pub use crate::context::{list_handlers, subscribe_with};
    pub use crate::registry::{
        AttachError, DetachError, Flushed, HandlerInfo, MAX_LISTENERS, QueueCounts, Sink, SinkGuard,
        SubscribeOptions, Subscription, WhenFull,
    };
}

/// The types behind [`Span`]'s methods and the extension traits.
///
/// They stand in signatures and in struct fields. Calls infer them.
pub mod observe {
    pub use crate::context::InContext;
    pub use crate::event::end::Failure;
    pub use crate::instrument::{
        InfallibleItems, OpenStream, OpenedInfallible, Opens, SpanFuture, SpanReturn, SpanStream,
    };
    pub use crate::span::observe::{
        AsResult, Classify, ClassifyBy, ErrorWith, Fallible, Infallible, KeepResponse, NoObserver, Observe,
        Observer, OnEnd, OnValue, Outcomes, Seen, WithInput, WithOutput,
    };
    pub use crate::span::{ActiveSpan, Recorded};
}

/// What most code needs: `use allm_telemetry::prelude::*;`.
pub mod prelude {
    pub use crate::event::{span_name::SpanName, usage::Usage, view::Event};
    pub use crate::instrument::{
        ClosureContextExt as _, FutureSpanExt as _, JoinSetContextExt as _, StreamSpanExt as _,
    };
    pub use crate::span::{Record, Span};
}
