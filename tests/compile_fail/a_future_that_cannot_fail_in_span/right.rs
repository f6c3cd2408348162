use allm_telemetry::{Span, prelude::*};

async fn ask() -> u64 {
    9
}

pub async fn chat() -> u64 {
    ask().in_span_infallible(Span::chat()).await
}
