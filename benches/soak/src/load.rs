//! One conversation: a chat, a step, a streamed answer and a tool on another task, and what goes wrong with them.

use std::io;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use allm_telemetry::{Span, Usage, adapter_retry, prelude::*, spawn, spawn_blocking};
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use tokio::time::{sleep, timeout};

/// How long a token takes.
const TOKEN: Duration = Duration::from_millis(50);
const TOKENS: u64 = 30;

/// How a conversation goes, dealt out in turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Good,
    /// The reader leaves after a few tokens.
    LosesInterest,
    /// The caller does not wait for the first token.
    Impatient,
    /// The stream breaks.
    Breaks,
    /// The stream panics while it is read.
    Panics,
    /// The tool's task is aborted.
    Aborted,
    /// The tool panics.
    ToolPanics,
    /// The tool's task outlives the chat.
    Outlives,
    /// The call is refused twice before it is taken.
    Refused,
    /// What was wrapped is never polled.
    Forgotten,
}

impl Fate {
    const ALL: [Self; 10] = [
        Self::Good,
        Self::LosesInterest,
        Self::Impatient,
        Self::Breaks,
        Self::Panics,
        Self::Aborted,
        Self::ToolPanics,
        Self::Outlives,
        Self::Refused,
        Self::Forgotten,
    ];
}

pub(crate) async fn conversation(number: u64) {
    let fate = Fate::ALL[(number % Fate::ALL.len() as u64) as usize];
    let chat = async {
        let step = async {
            tool(fate).await;
            read(fate).await
        };
        step.in_span(Span::step()).await
    };
    let chat = chat.in_span(Span::chat().engine("soak").model("soak-1").baggage("number", number));
    // A panic that was meant goes no further.
    let _ = AssertUnwindSafe(chat).catch_unwind().await;
}

/// A tool on a task of its own, as agents run them.
async fn tool(fate: Fate) {
    let span = || Span::tool("search", "call_1");
    match fate {
        Fate::Forgotten => drop(sleep(TOKEN).in_span_infallible(span())),
        Fate::ToolPanics => {
            let panics = async { resume_unwind(Box::new("the tool")) };
            assert!(spawn(panics.in_span_infallible(span())).await.is_err_and(|error| error.is_panic()));
        }
        Fate::Aborted => {
            let task = spawn(sleep(Duration::from_secs(60)).in_span_infallible(span()));
            sleep(TOKEN).await;
            task.abort();
            assert!(task.await.is_err_and(|error| error.is_cancelled()));
        }
        Fate::Outlives => drop(spawn(sleep(100 * TOKEN).in_span_infallible(span()))),
        Fate::Refused => {
            let work = || {
                allm_telemetry::span_sync(SpanName::Tool, [("tool_name", "add")], || ((), [("result", 4)]))
            };
            spawn_blocking(work).await.expect("it does not panic");
        }
        _ => sleep(TOKEN).in_span_infallible(span()).await,
    }
}

/// Reads an answer as far as its fate allows.
async fn read(fate: Fate) -> io::Result<u64> {
    let span = Span::stream().model("soak-1").observe(|token: &u64, seen| {
        if *token == TOKENS - 1 {
            seen.usage(Usage::new().input(12).output(TOKENS));
        }
    });
    let opening = async move {
        if fate == Fate::Refused {
            for attempt in 1..=2 {
                adapter_retry(attempt, TOKEN, "429");
                sleep(TOKEN).await;
            }
        }
        sleep(2 * TOKEN).await;
        Ok::<_, io::Error>(tokens(fate).boxed())
    };
    let patience = if fate == Fate::Impatient { TOKEN } else { Duration::from_secs(600) };
    let mut tokens = timeout(patience, span.open(opening)).await??;
    let mut read = 0;
    while let Some(token) = tokens.next().await {
        token?;
        read += 1;
        if fate == Fate::LosesInterest && read == 5 {
            break;
        }
    }
    Ok(read)
}

fn tokens(fate: Fate) -> impl Stream<Item = io::Result<u64>> {
    stream::iter(0..TOKENS).then(move |token| async move {
        sleep(TOKEN).await;
        match fate {
            Fate::Breaks if token == 10 => Err(io::ErrorKind::ConnectionReset.into()),
            Fate::Panics if token == 10 => resume_unwind(Box::new("the stream")),
            _ => Ok(token),
        }
    })
}
