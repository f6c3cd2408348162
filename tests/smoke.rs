//! A first look at the whole core.

use allm_telemetry::{Outcome, prelude::*, testing::Capture};
use futures::{StreamExt, stream};

#[tokio::test(start_paused = true)]
async fn smoke() {
    let capture = Capture::new();
    capture
        .scope(
            async {
                let n = async { Ok::<_, std::io::Error>(1) }
                    .in_span(Span::generate().model("m").engine("e"))
                    .await;
                assert!(n.is_ok());
                let mut s = stream::iter([1, 2, 3]).in_span_plain(Span::stream());
                s.next().await;
                drop(s);
                let _ = tokio::time::timeout(
                    std::time::Duration::from_secs(1),
                    std::future::pending::<Result<(), std::io::Error>>().in_span(Span::tool("t", "c")),
                )
                .await;
            }
            .in_span_plain(Span::chat()),
        )
        .await;
    for event in capture.events() {
        println!("{event:?}");
    }
    capture.assert_balanced();
    capture.assert_outcome(SpanName::Tool, Outcome::Cancelled);
    capture.assert_outcome(SpanName::Stream, Outcome::Dropped);
}
