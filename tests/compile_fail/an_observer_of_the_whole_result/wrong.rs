use allm_telemetry::{Span, Usage, prelude::*};

async fn ask() -> Result<u64, String> {
    Ok(9)
}

pub async fn reply() -> Result<u64, String> {
    let span = Span::generate().observe(|tokens: &Result<u64, String>, record| {
        record.usage(Usage::new().output(*tokens.as_ref().unwrap_or(&0)));
    });
    ask().in_span(span).await
}
