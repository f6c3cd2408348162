#![deny(unused_must_use)]

use allm_telemetry::{Span, prelude::*};
use futures::stream;

pub fn tokens() {
    stream::iter([1, 2]).in_span_infallible(Span::stream());
}
