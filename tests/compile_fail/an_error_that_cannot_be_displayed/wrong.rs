use allm_telemetry::{Span, prelude::*};

pub struct Refused;

pub async fn reply() -> Result<u64, Refused> {
    async { Err(Refused) }.in_span(Span::generate()).await
}
