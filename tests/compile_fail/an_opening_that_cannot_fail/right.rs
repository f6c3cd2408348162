use allm_telemetry::prelude::*;

fn main() {
    drop(Span::stream().open_infallible(async { futures::stream::iter([1_u8]) }));
}
