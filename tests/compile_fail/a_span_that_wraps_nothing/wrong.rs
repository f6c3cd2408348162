#![deny(unused_must_use)]

use allm_telemetry::Span;

pub async fn chat() {
    Span::chat().model("gpt-5");
    async {}.await;
}
