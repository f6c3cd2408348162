use allm_telemetry::{Span, prelude::*};

pub struct Refused;

async fn ask() -> Result<u64, Refused> {
    Err(Refused)
}

pub async fn reply() -> Result<u64, Refused> {
    let span = Span::generate();
    ask().in_span(span).await
}
