//! A span that was built when nobody listened anywhere. A process of its own.

use allm_telemetry::{prelude::*, testing::Capture};
use futures::executor::block_on;

use crate::support::own_process::passes_in_its_own_process;

/// Only "nobody listens anywhere" may skip keeping metadata at build; such a span is silent to its end.
#[test]
fn a_span_that_was_built_when_nobody_listened_anywhere_is_silent_to_its_end() {
    passes_in_its_own_process(|| {
        block_on(async {
            let span = Span::chat().model("gpt-5");
            let capture = Capture::new();
            capture.scope(async {}.in_span_infallible(span)).await;
            assert!(capture.events().is_empty());

            // From now on somebody listens somewhere, so what is built outside every scope is kept.
            let span = Span::chat().model("gpt-5");
            capture.scope(async {}.in_span_infallible(span)).await;
            let start = &capture.named("allm.chat.start")[0];
            assert_eq!(start.as_event().metadata("model").unwrap().as_str(), Some("gpt-5"));
        })
    });
}
