//! A subscriber that is made before the bridge is attached and used after. In a process of its own, because `tracing`
//! asks the only subscriber there is by another way than one of many.

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{Telemetry, prelude::*};
use futures::executor::block_on;
use tracing::instrument::WithSubscriber as _;

use crate::recorder::Recorder;
use crate::support::own_process::passes_in_its_own_process;

#[test]
fn a_subscriber_that_was_made_before_the_bridge_sees_its_spans() {
    passes_in_its_own_process(|| {
        block_on(async {
            let recorder = Recorder::new();
            let dispatch = recorder.dispatch();
            let telemetry = Telemetry::new();
            Tracing::new().attach("tracing", &telemetry).unwrap();
            telemetry.scope(async {}.in_span_infallible(Span::chat())).await;
            let serve = async { async {}.in_span_infallible(Span::chat()).await };
            telemetry.scope(serve).with_subscriber(dispatch).await;
            assert_eq!(recorder.story(), ["new chat in nothing", "close chat"]);
        })
    });
}
