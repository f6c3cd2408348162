//! Handlers and listeners that come and go while calls are under way, and handlers that panic.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allm_telemetry::{Event, Listener, SpanName, Telemetry};
use tokio::time::sleep;

/// Follows and is around, and keeps nothing.
struct Guest;

impl Listener for Guest {
    type Built = ();
    type State = ();
    fn wants_around(&self) -> bool {
        true
    }
    fn on_build(&self) {}
    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}
    fn on_end(&self, (): &(), _: &Event<'_>) {}
}

/// Until it is over.
pub(crate) async fn come_and_go(over: Arc<AtomicBool>) {
    let telemetry = Telemetry::global();
    while !over.load(Ordering::Relaxed) {
        let watches = telemetry.attach_many("guest", SpanName::Stream.events(), |_: &Event<'_>| {});
        watches.expect("the guest before has gone");
        telemetry.listen("guest that listens", Guest).expect("the guest before has gone");
        // Gone with its first event.
        let bad = |_: &Event<'_>| resume_unwind(Box::new("a bad guest"));
        let _ = telemetry.attach("bad guest", "allm.tool.stop", bad);
        sleep(Duration::from_millis(20)).await;
        telemetry.detach("guest").expect("it was there");
        telemetry.detach("guest that listens").expect("it was there");
        sleep(Duration::from_millis(5)).await;
    }
    let _ = telemetry.detach("bad guest");
}
