//! Results that only some spans have: present in the end event if they were recorded, and absent otherwise.

use std::future::ready;

use crate::support::*;
use allm_telemetry::{prelude::*, testing::Capture};

#[tokio::test]
async fn the_providers_request_id_is_a_key_of_the_end_if_it_is_known() {
    let capture = Capture::new();
    for id in ["req_011", ""] {
        let span = Span::embed(1).observe(|id: &&str, record| record.provider_request_id(*id));
        capture.scope(ready(id).in_span_infallible(span)).await;
    }
    let [known, unknown] = &*capture.named("allm.embed.stop") else { panic!("two ends") };
    assert_eq!(text(known, "provider_request_id"), "req_011");
    assert_eq!(unknown.as_event().metadata("provider_request_id"), None);
}
