#![deny(unused_must_use)]

use allm_telemetry::{Span, prelude::*};
use futures::{StreamExt, stream};

pub async fn tokens() -> Vec<u32> {
    stream::iter([1, 2]).in_span_infallible(Span::stream()).collect().await
}
