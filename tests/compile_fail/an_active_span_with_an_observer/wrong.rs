use allm_telemetry::{Span, Usage};

pub fn call() {
    let span = Span::generate().observe(|tokens: &u64, record| record.usage(Usage::new().output(*tokens)));
    span.start().complete();
}
