use allm_telemetry::{Span, prelude::*};
use futures::{Stream, stream};

pub fn tokens() -> impl Stream<Item = Result<String, String>> {
    let span = Span::stream().observe(|chunk: &Vec<u8>, record| record.push_output(|| format!("{chunk:?}")));
    stream::iter([Ok("a".to_owned())]).in_span(span)
}
