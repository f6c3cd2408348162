//! What is reported of an error by default: the name of its type as the class, and its text with the causes.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::support::*;
use allm_telemetry::{
    SpanName, adapter_retry, observe::Failure, prelude::*, retry_notifier, testing::Capture,
};

/// The class of an error of a call.
async fn class_of<E: fmt::Display>(error: E) -> String {
    let capture = Capture::new();
    let _ = capture.scope(async { Err::<u8, E>(error) }.in_span(Span::generate())).await;
    text(&end_of(&capture, SpanName::Generate), "error_type")
}

/// An error whose alternate form includes the cause, as that of anyhow does.
#[derive(Debug)]
struct Refused<T = ()>(T);

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if f.alternate() { "refused: no key" } else { "refused" })
    }
}

#[tokio::test]
async fn the_class_of_an_error_is_its_type_without_generics_and_modules() {
    assert_eq!(class_of(Refused(())).await, "Refused");
    assert_eq!(class_of(Refused(vec![Some(1)])).await, "Refused");
    assert_eq!(class_of(&Refused(())).await, "Refused");
    assert_eq!(class_of("8 bits".parse::<u8>().unwrap_err()).await, "ParseIntError");
    let late = tokio::time::timeout(Duration::ZERO, std::future::pending::<()>()).await;
    assert_eq!(class_of(late.unwrap_err()).await, "Elapsed");
    let from_client = async_openai::error::OpenAIError::InvalidArgument("no model".into());
    assert_eq!(class_of(from_client).await, "OpenAIError");
}

#[tokio::test]
async fn a_type_that_is_only_named_error_is_preceded_by_its_crate_or_module() {
    assert_eq!(class_of(refused()).await, "io::Error");
    assert_eq!(class_of(fmt::Error).await, "fmt::Error");
    assert_eq!(class_of(serde_json::from_str::<u8>("").unwrap_err()).await, "serde_json::Error");
    let http = reqwest::Proxy::all("http://").unwrap_err();
    assert_eq!(class_of(http).await, "reqwest::Error");
}

#[tokio::test]
async fn a_boxed_error_has_the_class_other() {
    assert_eq!(class_of::<Box<dyn Error + Send + Sync>>(refused().into()).await, "_OTHER");
    assert_eq!(class_of(Box::new(refused())).await, "_OTHER");
    assert_eq!(class_of(std::sync::Arc::new(refused())).await, "_OTHER");
}

#[tokio::test]
async fn the_text_of_an_error_is_its_alternate_form() {
    let capture = Capture::new();
    let fails = async || Err::<u8, _>(Refused(()));
    let _ = capture.scope(fails().in_span(Span::generate())).await;
    let classified = Span::generate().error_type(|_: &Refused| "refused");
    let _ = capture.scope(fails().in_span(classified)).await;
    let recorded = Span::generate().on_end(|record| record.error("refused", Refused(())));
    capture.scope(async {}.in_span_infallible(recorded)).await;
    capture.run(|| Span::generate().start().error("refused", Refused(())));
    capture.run(|| {
        adapter_retry(1, ms(10), Refused(()));
        retry_notifier()(&Refused(()), ms(10));
    });
    let texts: Vec<_> = capture.named("allm.generate.stop").iter().map(|it| text(it, "error")).collect();
    assert_eq!(texts, ["refused: no key"; 4]);
    let retries = capture.named("allm.adapter.retry");
    let texts: Vec<_> = retries.iter().map(|it| text(it, "reason")).collect();
    assert_eq!(texts, ["refused: no key"; 2]);
    assert_eq!(text(&retries[1], "error_type"), "Refused");
}

/// An error with a cause.
#[derive(Debug)]
struct Caused(&'static str, Option<Box<Caused>>);

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Caused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

/// An error that is its own cause.
#[derive(Debug)]
struct Circular;

impl fmt::Display for Circular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("again")
    }
}

impl Error for Circular {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Self)
    }
}

fn caused<const N: usize>(texts: [&'static str; N]) -> Caused {
    let cause = texts.into_iter().rev().fold(None, |cause, text| Some(Box::new(Caused(text, cause))));
    *cause.expect("at least one")
}

#[tokio::test]
async fn the_sources_of_an_error_are_in_its_text_if_asked_for_and_none_twice() {
    let text_of = |error: &(dyn Error + 'static)| {
        let capture = Capture::new();
        let failure = Failure::with_sources("connection", error);
        let call = async { Err::<u8, _>(()) };
        let call = call.in_span(Span::generate().error_with(move |(): &()| failure.clone()));
        let ended = futures::executor::block_on(capture.scope(call));
        assert!(ended.is_err());
        text(&end_of(&capture, SpanName::Generate), "error")
    };
    assert_eq!(text_of(&caused(["request failed"])), "request failed");
    assert_eq!(
        text_of(&caused(["request failed", "connection reset", "broken pipe"])),
        "request failed: connection reset: broken pipe"
    );
    assert_eq!(text_of(&caused(["failed: reset", "reset", "broken pipe"])), "failed: reset: broken pipe");
    assert_eq!(text_of(&Circular), "again");
}
