use allm_telemetry::prelude::*;
use futures::{Stream, stream};

async fn create_stream() -> Result<impl Stream<Item = &'static str>, String> {
    Ok(stream::iter(["Hel", "lo"]))
}

fn main() {
    drop(Span::stream().open_infallible(create_stream()));
}
