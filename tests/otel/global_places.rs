//! Calls outside every span and scope of ours, told to the global handle. A process of its own: the handle is global.

use std::thread;

use allm_telemetry::bridge::otel::Otel;
use allm_telemetry::{Telemetry, prelude::*};
use futures::executor::block_on;
use opentelemetry::trace::{FutureExt as _, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, trace::SpanId};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

use crate::support::own_process::passes_in_its_own_process;

fn call() -> impl Future<Output = ()> + Send {
    async {}.in_span_infallible(Span::generate())
}

#[test]
fn a_call_is_the_child_of_the_servers_span_that_it_was_built_in_or_else_of_the_one_it_is_polled_in() {
    passes_in_its_own_process(|| {
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_batch_exporter(spans.clone()).build();
        let tracer = provider.tracer("server");
        Otel::new().tracer_provider(provider.clone()).attach("otel", &Telemetry::global()).unwrap();
        let parent = || {
            provider.force_flush().unwrap();
            let finished = spans.get_finished_spans().unwrap();
            spans.reset();
            let [call] = &finished[..] else { panic!("one call: {finished:?}") };
            call.parent_span_id
        };
        let server = Context::current_with_span(tracer.start("server"));
        let id = server.span().span_context().span_id();

        // Spawned by other means: nothing is current where it is polled.
        let built = {
            let _inside = server.clone().attach();
            call()
        };
        thread::spawn(|| block_on(built)).join().unwrap();
        assert_eq!(parent(), id);

        // A postfix chain: nothing is current where it is built.
        block_on(call().with_context(server.clone()));
        assert_eq!(parent(), id);

        block_on(call());
        assert_eq!(parent(), SpanId::INVALID);
    });
}
