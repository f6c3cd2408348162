use allm_telemetry::{ErrorInfo, Span, prelude::*};

pub struct Refused;

pub async fn reply() -> Result<u64, Refused> {
    let span = Span::generate().error_with(|_: &Refused| ErrorInfo::new("refused", "the model refused"));
    async { Err(Refused) }.in_span(span).await
}
