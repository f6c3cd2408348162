use allm_telemetry::{Span, Usage, prelude::*};

pub async fn reply() -> Result<u64, String> {
    let span = Span::generate().on_stop(|reply: &Result<u64, String>, record| {
        record.usage(Usage::new().output(*reply.as_ref().unwrap_or(&0)));
    });
    async { Ok(9) }.in_span(span).await
}
