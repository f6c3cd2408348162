use allm_telemetry::{Span, Usage, prelude::*};

pub async fn reply() -> Result<u64, String> {
    let span =
        Span::generate().on_stop(|tokens: &u32, record| record.usage(Usage::new().output((*tokens).into())));
    async { Ok(9) }.in_span(span).await
}
