//! Calls outside every span and scope of ours, told to the global handle. A process of its own: the handle is global.

use std::thread;

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{Telemetry, prelude::*};
use futures::executor::block_on;
use tracing::dispatcher::set_global_default;
use tracing::{Instrument as _, info_span};

use crate::recorder::Recorder;
use crate::support::own_process::passes_in_its_own_process;

fn call() -> impl Future<Output = ()> + Send {
    async {}.in_span_infallible(Span::generate())
}

#[test]
fn a_call_is_the_child_of_the_servers_span_that_it_was_built_in_or_else_of_the_one_it_is_polled_in() {
    passes_in_its_own_process(|| {
        let recorder = Recorder::new();
        set_global_default(recorder.dispatch()).unwrap();
        Tracing::new().attach("tracing", &Telemetry::global()).unwrap();

        // Spawned by other means: nothing is current where it is polled.
        let built = info_span!("spawns").in_scope(call);
        thread::spawn(|| block_on(built)).join().unwrap();
        // A postfix chain: nothing is current where it is built.
        block_on(call().instrument(info_span!("instruments")));
        block_on(call());

        let story = recorder.story();
        let calls: Vec<_> = story.iter().filter(|line| line.starts_with("new generate")).collect();
        assert_eq!(
            calls,
            ["new generate in spawns", "new generate in instruments", "new generate in nothing"]
        );
    });
}
