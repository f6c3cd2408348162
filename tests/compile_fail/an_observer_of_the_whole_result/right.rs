use allm_telemetry::{Span, Usage, prelude::*};

async fn ask() -> Result<u64, String> {
    Ok(9)
}

pub async fn reply() -> Result<u64, String> {
    let span = Span::generate().observe(|tokens: &u64, record| {
        record.usage(Usage::new().output(*tokens));
    });
    ask().in_span(span).await
}
