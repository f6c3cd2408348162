use allm_telemetry::{Span, prelude::*};

pub async fn chat() -> u32 {
    async { 1 }.in_span(Span::chat()).await
}
