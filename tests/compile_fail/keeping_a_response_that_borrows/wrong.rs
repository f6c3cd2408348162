use allm_telemetry::{Span, prelude::*};

pub async fn first_word(text: &str) -> Result<&str, String> {
    let word = async { text.split(' ').next().ok_or("no word".to_owned()) };
    word.in_span(Span::generate().keep_response()).await
}
