//! A subscriber that is made before the bridge is attached and used after. In a process of its own, because `tracing`
//! asks the only subscriber there is by another way than one of many.

#[path = "bridge_tracing/recorder.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod recorder;

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{Telemetry, prelude::*};
use recorder::Recorder;
use tracing::instrument::WithSubscriber as _;

#[tokio::test]
async fn a_subscriber_that_was_made_before_the_bridge_sees_its_spans() {
    let recorder = Recorder::new();
    let dispatch = recorder.dispatch();
    let telemetry = Telemetry::new();
    Tracing::new().attach("tracing", &telemetry).unwrap();
    telemetry.scope(async {}.in_span_infallible(Span::chat())).await;
    let serve = async { async {}.in_span_infallible(Span::chat()).await };
    telemetry.scope(serve).with_subscriber(dispatch).await;
    assert_eq!(recorder.story(), ["new chat in nothing", "close chat"]);
}
