use allm_telemetry::{Span, observe::Failure, prelude::*};

pub struct Refused;

async fn ask() -> Result<u64, Refused> {
    Err(Refused)
}

pub async fn reply() -> Result<u64, Refused> {
    let span = Span::generate().error_with(|_: &Refused| Failure::new("refused", "the model refused"));
    ask().in_span(span).await
}
