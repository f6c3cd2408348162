use allm_telemetry::{Span, Usage};

pub fn call() {
    let mut span = Span::generate().start();
    span.record(|record| record.usage(Usage::new().output(9)));
    span.complete();
}
