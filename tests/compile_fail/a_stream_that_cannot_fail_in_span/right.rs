use allm_telemetry::{Span, prelude::*};
use futures::{Stream, stream};

pub fn tokens() -> impl Stream<Item = u32> {
    stream::iter([1, 2]).in_span_plain(Span::stream())
}
