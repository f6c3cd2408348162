use allm_telemetry::{Span, Usage, prelude::*};

async fn ask() -> Result<u64, String> {
    Ok(9)
}

pub async fn reply() -> Result<u64, String> {
    let span = Span::generate().observe(|tokens: &i32, record| {
        record.usage(Usage::new().output(tokens.unsigned_abs().into()));
    });
    ask().in_span(span).await
}
