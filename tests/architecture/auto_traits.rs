//! `Send`, `Sync` and `Unpin` of every public type are part of what the crate promises.

use crate::source::Source;
use allm_telemetry::{convention::*, event::*, handler::*, observe::*, *};
use futures::future::{BoxFuture, LocalBoxFuture};
use futures::stream::{BoxStream, LocalBoxStream};
use std::rc::Rc;

/// Says of each type which auto traits it has; that it has no other is checked as well.
macro_rules! auto_traits {
    ($($type:ty: $($has:ident)*;)*) => {
        $({
            let said = [$(stringify!($has)),*];
            let found = [
                ("Send", probe!($type, Send)),
                ("Sync", probe!($type, Sync)),
                ("Unpin", probe!($type, Unpin)),
            ];
            for (name, holds) in found {
                assert_eq!(holds, said.contains(&name), "{}: {name}", stringify!($type));
            }
        })*
    };
}

/// Whether a type has a trait: an inherent constant is taken before one of a trait, where its bounds hold.
macro_rules! probe {
    ($type:ty, $has:ident) => {{
        struct Probe<T>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "shadowed where the inherent one holds")]
        trait Fallback {
            const HOLDS: bool = false;
        }
        impl<T> Fallback for Probe<T> {}
        #[allow(dead_code, reason = "not taken where its bound does not hold")]
        impl<T: $has> Probe<T> {
            const HOLDS: bool = true;
        }
        Probe::<$type>::HOLDS
    }};
}

#[test]
fn values_can_be_sent_and_shared() {
    auto_traits! {
        Attribute<'static>: Send Sync Unpin;
        Chunk: Send Sync Unpin;
        ChunkKind: Send Sync Unpin;
        Content: Send Sync Unpin;
        Failure: Send Sync Unpin;
        EventName: Send Sync Unpin;
        Fields<Value>: Send Sync Unpin;
        HandlerInfo: Send Sync Unpin;
        ImageOperation: Send Sync Unpin;
        Instrument: Send Sync Unpin;
        InstrumentKind: Send Sync Unpin;
        Measurements: Send Sync Unpin;
        Metadata: Send Sync Unpin;
        Number: Send Sync Unpin;
        Outcome: Send Sync Unpin;
        OwnedEvent: Send Sync Unpin;
        Phase: Send Sync Unpin;
        Profile: Send Sync Unpin;
        RequestId: Send Sync Unpin;
        Rule: Send Sync Unpin;
        SpanId: Send Sync Unpin;
        SpanKind: Send Sync Unpin;
        SpanName: Send Sync Unpin;
        SpanRow: Send Sync Unpin;
        SubscribeOptions: Send Sync Unpin;
        SystemClock: Send Sync Unpin;
        propagation::TraceParent: Send Sync Unpin;
        Usage: Send Sync Unpin;
        UsageStatus: Send Sync Unpin;
        Value: Send Sync Unpin;
        ValueRef<'static>: Send Sync Unpin;
        Entry<'static>: Send Sync Unpin;
        Entries<'static>: Send Sync Unpin;
        WhenFull: Send Sync Unpin;
        ShutdownReport: Send Sync Unpin;
        ExporterReport: Send Sync Unpin;
        OpenSpans: Send Sync Unpin;
        InitError: Send Sync Unpin;
        InitGuard: Send Sync Unpin;
    }
}

#[test]
fn errors_can_be_sent_and_shared() {
    auto_traits! {
        AttachError: Send Sync Unpin;
        ParseEventNameError: Send Sync Unpin;
        ParseRequestIdError: Send Sync Unpin;
        DetachError: Send Sync Unpin;
        EventNameError: Send Sync Unpin;
        ParseSpanNameError: Send Sync Unpin;
        testing::TimedOut: Send Sync Unpin;
    }
}

#[test]
fn handles_can_be_sent_and_shared() {
    auto_traits! {
        Context: Send Sync Unpin;
        Convention: Send Sync Unpin;
        Telemetry: Send Sync Unpin;
        Subscription: Send Sync Unpin;
        QueueCounts: Send Sync Unpin;
        SinkGuard: Send Sync Unpin;
        ReopenHandle: Send Sync Unpin;
        Flushed: Send Sync Unpin;
        testing::Capture: Send Sync Unpin;
        Policy: Send Sync Unpin;
        propagation::Propagation: Send Sync Unpin;
        Outgoing<'static>: Send Sync Unpin;
    }
}

#[test]
fn what_is_lent_to_handlers_and_observers_stays_on_its_thread() {
    auto_traits! {
        Event<'static>: Unpin;
        Record<'static>: Send Sync Unpin;
        Recorded<'static>: Send Sync Unpin;
    }
}

#[test]
fn a_span_is_what_its_observers_are() {
    auto_traits! {
        Span: Send Sync Unpin;
        Span<Rc<()>>: Unpin;
        ActiveSpan: Send Sync Unpin;
        NoObserver: Send Sync Unpin;
        OnValue<NoObserver, Rc<()>>: Unpin;
        OnValue<NoObserver, fn()>: Send Sync Unpin;
        OnEnd<NoObserver, Rc<()>>: Unpin;
        OnEnd<NoObserver, fn()>: Send Sync Unpin;
        WithInput<NoObserver, Rc<()>>: Unpin;
        WithInput<NoObserver, fn()>: Send Sync Unpin;
        DescribeBy<NoObserver, Rc<()>>: Unpin;
        DescribeBy<NoObserver, fn()>: Send Sync Unpin;
        KeepResponse<Rc<()>>: Unpin;
        KeepResponse<NoObserver>: Send Sync Unpin;
        Fallible<Rc<()>>: Unpin;
        Fallible<NoObserver>: Send Sync Unpin;
        Infallible<Rc<()>>: Unpin;
        Infallible<NoObserver>: Send Sync Unpin;
        InfallibleItems<Rc<()>>: Unpin;
        InfallibleItems<NoObserver>: Send Sync Unpin;
        Seen<'static>: Unpin;
    }
}

#[test]
fn what_wears_a_span_is_what_it_wraps() {
    type Future<F> = SpanFuture<F, Infallible<NoObserver>>;
    type Stream<S> = SpanStream<S, Infallible<NoObserver>>;
    type Open<F> = OpenStream<F, Infallible<NoObserver>>;
    auto_traits! {
        Future<BoxFuture<'static, ()>>: Send Unpin;
        Future<LocalBoxFuture<'static, ()>>: Unpin;
        Future<std::future::Ready<()>>: Send Sync Unpin;
        Future<Pinned>: Send;
        Stream<BoxStream<'static, ()>>: Send Unpin;
        Stream<LocalBoxStream<'static, ()>>: Unpin;
        Stream<Pinned>: Send;
        Open<BoxFuture<'static, ()>>: Send Unpin;
        Open<LocalBoxFuture<'static, ()>>: Unpin;
        Open<Pinned>: Send;
        InContext<BoxFuture<'static, ()>>: Send Unpin;
        InContext<LocalBoxFuture<'static, ()>>: Unpin;
        InContext<Pinned>: Send;
    }
}

#[test]
fn what_wraps_or_enters_may_cross_an_unwinding() {
    use std::panic::{RefUnwindSafe, UnwindSafe};
    fn is_safe<T: UnwindSafe + RefUnwindSafe>() {}
    is_safe::<Telemetry>();
    is_safe::<Context>();
    is_safe::<Span>();
    is_safe::<ActiveSpan>();
    is_safe::<InContext<std::future::Ready<()>>>();
    is_safe::<SpanFuture<std::future::Ready<()>, Infallible<NoObserver>>>();
    is_safe::<SpanStream<futures::stream::Empty<()>, Infallible<NoObserver>>>();
    is_safe::<OpenStream<std::future::Ready<()>, Infallible<NoObserver>>>();
}

/// Neither a reference to it can be sent, nor can it be moved.
type Pinned = (std::cell::Cell<()>, std::marker::PhantomPinned);

#[cfg(feature = "json-lines")]
#[test]
fn json_lines_can_be_sent() {
    auto_traits! {
        bridge::json_lines::JsonLines: Send Unpin;
    }
}

#[cfg(feature = "console")]
#[test]
fn the_console_can_be_sent() {
    auto_traits! {
        bridge::console::Console: Send Unpin;
    }
}

#[cfg(feature = "tracing")]
#[test]
fn the_bridge_to_tracing_can_be_sent_and_shared() {
    auto_traits! {
        bridge::tracing::Tracing: Send Sync Unpin;
    }
}

#[cfg(feature = "otel")]
#[test]
fn the_bridge_to_opentelemetry_can_be_sent() {
    auto_traits! {
        bridge::otel::Otel: Send Sync Unpin;
    }
}

#[cfg(feature = "otlp")]
#[test]
fn the_pipeline_can_be_shared() {
    use bridge::otlp::{Counts, Otlp, OtlpError, Pipeline, Report};
    auto_traits! {
        Otlp: Send Unpin;
        OtlpError: Send Sync Unpin;
        Pipeline: Send Sync Unpin;
        Counts: Send Sync Unpin;
        Report: Send Sync Unpin;
    }
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_can_be_sent_and_shared() {
    auto_traits! {
        bridge::metrics::Metrics: Send Sync Unpin;
    }
}

/// What is not listed above is not promised, so every type has to be.
#[test]
fn every_public_type_is_listed() {
    let listed = Source::new("tests/architecture/auto_traits.rs", include_str!("auto_traits.rs"));
    let mut types = 0;
    for source in Source::all_in("src") {
        for at in source.find("pub struct").chain(source.find("pub enum")) {
            let name = source.word(at + 2);
            assert!(listed.find(name).next().is_some(), "{name} of {} is not listed", source.path);
            types += 1;
        }
    }
    assert!(types > 40, "the public types were not found");
}
