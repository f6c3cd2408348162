#![deny(unused_must_use)]

use allm_telemetry::{Span, prelude::*};

pub async fn chat() {
    async {}.in_span_infallible(Span::chat().model("gpt-5")).await;
}
