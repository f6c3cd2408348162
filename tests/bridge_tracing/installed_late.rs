//! A subscriber for the whole process, installed after the bridge. In a process of its own.

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{Telemetry, prelude::*};
use tracing::dispatcher::set_global_default;
use tracing::info;
use tracing::instrument::WithSubscriber as _;

use crate::recorder::Recorder;
use crate::support::own_process::passes_in_its_own_process;

fn call() -> impl Future<Output = ()> {
    async { info!("asking") }.in_span_infallible(Span::generate())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

const SEEN: [&str; 3] = ["new generate in nothing", "event asking in generate", "close generate"];

#[test]
fn a_subscriber_that_is_installed_late_sees_what_starts_from_then_on_and_scopes_keep_their_own() {
    passes_in_its_own_process(|| {
        runtime().block_on(async {
            let (late, scoped) = (Recorder::new(), Recorder::new());
            let telemetry = Telemetry::new();
            Tracing::new().attach("tracing", &telemetry).unwrap();
            telemetry.scope(call()).await;
            let built_before = telemetry.run(call);

            set_global_default(late.dispatch()).unwrap();
            built_before.await;
            telemetry.scope(call()).await;
            assert_eq!(late.story(), [SEEN, SEEN].concat());

            // Built under the process's subscriber, polled under a task's: the task's is the one that was chosen.
            telemetry.run(call).with_subscriber(scoped.dispatch()).await;
            // Spawned from the task, where the process's subscriber is the default again.
            let chat = async { allm_telemetry::spawn(async { call().await }).await.unwrap() };
            let serve = async { chat.in_span_infallible(Span::chat()).await };
            telemetry.scope(serve).with_subscriber(scoped.dispatch()).await;
            let nested = ["new chat in nothing", "new generate in chat", "event asking in generate < chat"];
            assert_eq!(scoped.story(), [&SEEN[..], &nested, &["close generate", "close chat"]].concat());

            // And back: what a thread's subscriber does not know is closed in the process's own.
            let built = telemetry.run(|| tracing::info_span!("request").in_scope(call));
            let before = late.story().len();
            let other = Recorder::new();
            tracing::dispatcher::with_default(&other.dispatch(), || drop(built));
            assert_eq!(late.story()[before..], ["close request"]);
            assert_eq!(other.story(), [""; 0]);
        })
    });
}
