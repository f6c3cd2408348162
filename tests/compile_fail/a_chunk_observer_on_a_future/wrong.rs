use allm_telemetry::{Record, Span, Usage, prelude::*};

pub async fn reply() -> Result<u64, String> {
    let observe = |tokens: &u64, record: &mut Record<'_>| record.usage(Usage::new().output(*tokens));
    async { Ok(9) }.in_span(Span::generate().on_chunk(observe)).await
}
