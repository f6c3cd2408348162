use allm_telemetry::prelude::*;

fn main() {
    drop(Span::stream().open_plain(async { futures::stream::iter([1_u8]) }));
}
