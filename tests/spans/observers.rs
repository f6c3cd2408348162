//! Observers: the user's closures on one span. They see, record, say what failed, and harm nobody.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::*;
use allm_telemetry::{
    Content, Event, SpanName, Telemetry, Usage, current_request_id,
    event::{OwnedEvent, Value},
    handler::SubscribeOptions,
    prelude::*,
    testing::Capture,
};
use futures::{FutureExt as _, StreamExt as _, stream};

#[tokio::test]
async fn an_observer_sees_the_ok_value_and_records() {
    let capture = Capture::new();
    let span = Span::generate().observe(|reply: &String, stop| {
        stop.usage(Usage::new().input(3).output(reply.len() as u64));
        stop.response_model("gpt-5-2025");
        stop.response_id("resp_1");
        stop.finish_reason("stop");
        stop.measurement("cost_usd", 0.25);
        stop.metadata("cache", "miss");
        stop.result(|| reply.clone());
        stop.output(|| reply.to_uppercase());
    });
    capture.scope(async { Answer::Ok(String::from("hello")) }.in_span(span)).await.unwrap();
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!(stop.as_event().usage(), Some(&Usage::new().input(3).output(5)));
    assert_eq!(
        (text(&stop, "response_model"), text(&stop, "response_id")),
        ("gpt-5-2025".into(), "resp_1".into())
    );
    assert_eq!(value(&stop, "finish_reasons"), vec!["stop"].into());
    assert_eq!(stop.as_event().measurement("cost_usd").unwrap().as_f64(), Some(0.25));
    assert_eq!((text(&stop, "cache"), text(&stop, "response")), ("miss".into(), "hello".into()));
    assert_eq!(text(&stop, "output"), "HELLO");
}

#[tokio::test]
async fn a_finish_reason_is_kept_for_each_of_128_choices_and_no_more() {
    let capture = Capture::new();
    let span = Span::generate().observe(|(): &(), stop| {
        stop.finish_reason_of(127, "stop");
        stop.finish_reason_of(128, "length");
    });
    capture.scope(async { Answer::Ok(()) }.in_span(span)).await.unwrap();
    let Value::List(reasons) = value(&end_of(&capture, SpanName::Generate), "finish_reasons") else {
        panic!()
    };
    assert_eq!((reasons.len(), &reasons[0], &reasons[127]), (128, &Value::Null, &"stop".into()));
}

#[tokio::test]
async fn an_observer_may_call_a_success_an_error() {
    let capture = Capture::new();
    let span = Span::generate().observe(|status: &u16, stop| {
        stop.usage(Usage::new().input(3));
        stop.error(format!("http_{status}"), "overloaded");
        stop.error("later", "is not kept");
    });
    assert_eq!(capture.scope(async { Answer::Ok(500_u16) }.in_span(span)).await.unwrap(), 500);
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "outcome"), text(&stop, "error_type")), ("error".into(), "http_500".into()));
    assert_eq!((text(&stop, "error"), stop.as_event().usage().is_some()), ("overloaded".into(), true));
}

#[tokio::test]
async fn an_observer_may_call_a_chunk_an_error_however_the_stream_ends() {
    for read in [1, 9] {
        let capture = Capture::new();
        let span = Span::stream().observe(|event: &&str, seen| {
            if event.starts_with("error") {
                seen.error("overloaded_error", event);
            }
        });
        let tokens = capture.run(|| stream::iter(["error: busy", "more"]).in_span_infallible(span));
        tokens.take(read).count().await;
        let stop = end_of(&capture, SpanName::Stream);
        assert_eq!((text(&stop, "outcome"), text(&stop, "error")), ("error".into(), "error: busy".into()));
        assert_eq!(text(&stop, "error_type"), "overloaded_error");
    }
}

#[tokio::test]
async fn on_end_of_a_stream_runs_when_it_has_ended_or_was_dropped_and_may_say_that_it_failed() {
    for read in [1, 9] {
        let capture = Capture::new();
        let span = Span::stream().on_end(|record| record.error("truncated", "no end mark"));
        capture.run(|| stream::iter([1, 2]).in_span_infallible(span)).take(read).count().await;
        assert_eq!(text(&end_of(&capture, SpanName::Stream), "outcome"), "error");
    }
}

#[tokio::test]
async fn an_observer_does_not_run_after_an_err_a_cancellation_or_a_panic() {
    let (capture, runs) = (Capture::new(), Cell::new(0));
    let counting = || Span::chat().observe(|_: &u8, _: &mut _| runs.set(runs.get() + 1));
    capture.scope(async { Answer::<u8>::Err(refused()) }.in_span(counting())).await.unwrap_err();
    capture.scope(pending::<u8>().in_span_infallible(counting())).now_or_never();
    let panics = async { std::panic::resume_unwind(Box::new("lost")) }.in_span_infallible(counting());
    let _ = std::panic::AssertUnwindSafe(capture.scope(panics)).catch_unwind().await;
    assert_eq!((runs.get(), capture.named("allm.chat.start").len()), (0, 3));
}

#[tokio::test]
async fn an_observer_runs_inside_the_span() {
    let capture = Capture::new();
    let seen = Cell::new(None);
    let span = Span::chat().observe(|_: &(), _: &mut _| seen.set(current_request_id()));
    capture.scope(async {}.in_span_infallible(span)).await;
    assert_eq!(seen.take().unwrap().as_str(), request_of(&end_of(&capture, SpanName::Chat)));
}

#[tokio::test]
async fn an_observer_runs_only_when_its_span_is_observed() {
    let (telemetry, _elsewhere) = (Telemetry::new(), Capture::new());
    telemetry.attach("other", "allm.tool.stop", |_| {}).unwrap();
    let work = async {}.in_span_infallible(Span::chat().observe(|_: &(), _: &mut _| panic!("it ran")));
    telemetry.scope(work).await;
    let span = Span::stream().observe(|_: &u8, _| panic!("it ran")).on_end(|_| panic!("it ran"));
    telemetry.run(|| stream::iter([1]).in_span_infallible(span)).count().await;
    assert_eq!(telemetry.list_handlers("").len(), 1);
}

#[tokio::test]
async fn an_observer_that_panics_harms_nothing_but_itself_and_is_reported() {
    let capture = Capture::new();
    let span = Span::generate().observe(|_: &u8, stop| {
        stop.response_id("resp_1");
        panic!("bad observer")
    });
    assert_eq!(capture.scope(async { Answer::Ok(4) }.in_span(span)).await.unwrap(), 4);
    let (stop, failure) =
        (end_of(&capture, SpanName::Generate), &capture.named("telemetry.handler.failure")[0]);
    assert_eq!((text(&stop, "outcome"), text(&stop, "response_id")), ("completed".into(), "resp_1".into()));
    assert_eq!((text(failure, "handler_id"), text(failure, "kind")), ("observe".into(), "panic".into()));
    assert_eq!(
        (text(failure, "event_name"), text(failure, "reason")),
        ("allm.generate.stop".into(), "bad observer".into())
    );
}

#[tokio::test]
async fn an_observer_of_chunks_that_panics_is_reported_and_not_called_again_on_that_span() {
    let (capture, calls) = (Capture::new(), Rc::new(Cell::new(0)));
    let span = || {
        let calls = calls.clone();
        Span::stream().observe(move |_: &u8, _| {
            calls.set(calls.get() + 1);
            panic!("bad observer")
        })
    };
    let chunks: Vec<_> = capture.run(|| stream::iter([1, 2, 3]).in_span_infallible(span())).collect().await;
    assert_eq!((chunks, calls.get()), (vec![1, 2, 3], 1));
    assert_eq!(measurement(&end_of(&capture, SpanName::Stream), "chunk_count"), 3);
    let failures = capture.named("telemetry.handler.failure");
    assert_eq!(failures.iter().map(|it| text(it, "handler_id")).collect::<Vec<_>>(), ["observe"]);
    capture.run(|| stream::iter([1, 2]).in_span_infallible(span())).count().await;
    assert_eq!(calls.get(), 2, "another span calls it again");
}

#[tokio::test]
async fn the_response_is_offered_by_reference_and_type_where_the_span_keeps_it() {
    let telemetry = Telemetry::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let to = seen.clone();
    let look = move |event: &Event<'_>| {
        let address = event.response::<Vec<u8>>().map(|reply| reply.as_ptr() as usize);
        to.lock().unwrap().push((address, event.response::<String>().is_some()));
    };
    telemetry.attach("look", "allm.generate.stop", look).unwrap();
    let call = || async { Answer::Ok(vec![1_u8]) };
    telemetry.scope(call().in_span(Span::generate())).await.unwrap();
    let kept = telemetry.scope(call().in_span(Span::generate().keep_response())).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [(None, false), (Some(kept.as_ptr() as usize), false)]);
}

/// A span whose closures for content count how often they ran.
fn telling(runs: &Arc<AtomicUsize>) -> Span<impl allm_telemetry::observe::Observe<()>> {
    let ran = |runs: &Arc<AtomicUsize>| {
        let runs = runs.clone();
        move || {
            runs.fetch_add(1, Ordering::Relaxed);
            Value::from("content")
        }
    };
    let (result, output, input) = (ran(runs), ran(runs), ran(runs));
    Span::generate().input(input).observe(move |_: &(), record: &mut Record<'_>| {
        record.result(&result);
        record.output(&output);
    })
}

async fn end_through_a_queue_that_may_have(content: Content) -> (OwnedEvent, usize) {
    let (telemetry, runs) = (Telemetry::new(), Arc::new(AtomicUsize::new(0)));
    let options = SubscribeOptions::new(8).content(content);
    let mut queue = telemetry.subscribe_with("queue", ["allm.generate.stop"], options).unwrap();
    telemetry.scope(async {}.in_span_infallible(telling(&runs))).await;
    (queue.next().await.unwrap(), runs.load(Ordering::Relaxed))
}

#[tokio::test]
async fn content_closures_run_only_when_somebody_listens_who_may_have_it() {
    let (stop, runs) = end_through_a_queue_that_may_have(Content::NONE).await;
    assert_eq!(runs, 0);
    assert_eq!(
        [value(&stop, "input"), value(&stop, "output"), value(&stop, "response")],
        [const { Value::Null }; 3]
    );
    let (stop, runs) = end_through_a_queue_that_may_have(Content::INPUT).await;
    assert_eq!((runs, text(&stop, "input"), value(&stop, "output")), (1, "content".into(), Value::Null));
    let (stop, runs) = end_through_a_queue_that_may_have(Content::OUTPUT).await;
    assert_eq!((runs, value(&stop, "input"), text(&stop, "output")), (2, Value::Null, "content".into()));
    assert_eq!(end_through_a_queue_that_may_have(Content::ALL).await.1, 3);
}

#[tokio::test]
async fn a_handler_of_another_event_gives_no_claim_to_content() {
    let (telemetry, runs) = (Telemetry::new(), Arc::new(AtomicUsize::new(0)));
    telemetry.attach("tools", "allm.tool.stop", |_| {}).unwrap();
    let _queue = telemetry
        .subscribe_with("q", ["allm.generate.stop"], SubscribeOptions::new(8).content(Content::NONE))
        .unwrap();
    telemetry.scope(async {}.in_span_infallible(telling(&runs))).await;
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn errors_are_not_formatted_when_nobody_may_have_their_text() {
    struct Unformatted;
    impl std::fmt::Display for Unformatted {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("it was formatted")
        }
    }
    let telemetry = Telemetry::new();
    let options = SubscribeOptions::new(8).content(Content::INPUT | Content::OUTPUT);
    let names = ["allm.generate.stop", "telemetry.handler.failure", "allm.adapter.retry"];
    let mut queue = telemetry.subscribe_with("q", names, options).unwrap();
    let work = async {
        allm_telemetry::adapter_retry(1, ms(1), Unformatted);
        Err::<u8, _>(Unformatted)
    };
    assert!(telemetry.scope(work.in_span(Span::generate())).await.is_err());
    let (retry, stop) = (queue.next().await.unwrap(), queue.next().await.unwrap());
    assert_eq!((value(&retry, "reason"), value(&stop, "error")), (Value::Null, Value::Null));
    assert!(text(&stop, "error_type").ends_with("Unformatted"), "{stop:?}");
}

#[tokio::test]
async fn an_input_closure_that_panics_harms_nothing_but_itself_and_is_reported() {
    let capture = Capture::new();
    let span = Span::chat().input(|| -> Value { panic!("bad input") });
    assert_eq!(capture.scope(async { 4 }.in_span_infallible(span)).await, 4);
    assert_eq!(value(&end_of(&capture, SpanName::Chat), "input"), Value::Null);
    assert_eq!(text(&capture.named("telemetry.handler.failure")[0], "reason"), "bad input");
}

#[tokio::test]
async fn a_streams_output_grows_only_when_somebody_may_have_it() {
    let pushing = || Span::stream().observe(|chunk: &&'static str, seen| seen.push_output(|| *chunk));
    let capture = Capture::new();
    capture.run(|| stream::iter(["Hel", "lo"]).in_span_infallible(pushing())).count().await;
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "output"), "Hello");
    let telemetry = Telemetry::new();
    let options = SubscribeOptions::new(8).content(Content::NONE);
    let mut queue = telemetry.subscribe_with("q", ["allm.stream.stop"], options).unwrap();
    telemetry.run(|| stream::iter(["Hel", "lo"]).in_span_infallible(pushing())).count().await;
    assert_eq!(value(&queue.next().await.unwrap(), "output"), Value::Null);
}

#[tokio::test]
async fn what_chunks_told_reaches_a_handler_of_exceptions_only() {
    let (telemetry, seen) = (Telemetry::new(), Arc::new(Mutex::new(None)));
    let to = seen.clone();
    telemetry
        .attach("x", "allm.stream.exception", move |event| *to.lock().unwrap() = Some(event.to_owned()))
        .unwrap();
    let items = stream::iter([0, 1])
        .map(|n| if n == 0 { "Hel" } else { std::panic::resume_unwind(Box::new("lost")) });
    let span = Span::stream().observe(|chunk: &&'static str, seen| seen.push_output(|| *chunk));
    let tokens = telemetry.run(|| items.in_span_infallible(span));
    let _ = std::panic::AssertUnwindSafe(tokens.count()).catch_unwind().await;
    assert_eq!(text(seen.lock().unwrap().as_ref().unwrap(), "output"), "Hel");
}

#[tokio::test]
async fn a_span_with_a_closure_for_its_output_has_the_key_however_it_ends() {
    let capture = allm_telemetry::testing::Capture::new();
    let asked = |answer: Result<u8, std::fmt::Error>| {
        let span = || Span::generate().output(|answer: &u8| u64::from(*answer));
        capture.scope(async move { async move { answer }.in_span(span()).await })
    };
    let _ = (asked(Ok(4)).await, asked(Err(std::fmt::Error)).await);
    let stops = capture.named("allm.generate.stop");
    let outputs: Vec<_> =
        stops.iter().map(|stop| stop.as_event().metadata("output").map(|it| it.to_value())).collect();
    assert_eq!(outputs, [Some(4.into()), Some(Value::Null)]);
}

#[tokio::test]
async fn one_of_several_that_panics_does_not_take_the_others_with_it() {
    let capture = Capture::new();
    let span = Span::generate()
        .output(|_: &u8| -> String { lost() })
        .observe(|_: &u8, _| lost())
        .observe(|_: &u8, stop| stop.error("http_500", "it said 500"));
    assert_eq!(capture.scope(async { Answer::Ok(4) }.in_span(span)).await.unwrap(), 4);
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "outcome"), text(&stop, "error_type")), ("error".into(), "http_500".into()));
    let failures = capture.named("telemetry.handler.failure");
    assert_eq!(failures.iter().map(|it| text(it, "handler_id")).collect::<Vec<_>>(), ["output", "observe"]);
}

#[tokio::test]
async fn of_two_observers_the_one_that_panicked_is_silent_and_the_other_goes_on() {
    for broken in [0, 1] {
        let (capture, calls) = (Capture::new(), [Cell::new(0), Cell::new(0)]);
        let observer = |place: usize| {
            let calls = &calls;
            move |_: &u8, _: &mut Record<'_>| {
                calls[place].set(calls[place].get() + 1);
                if place == broken {
                    lost()
                }
            }
        };
        let span = Span::stream().observe(observer(0)).observe(observer(1));
        capture.run(|| stream::iter([1, 2, 3]).in_span_infallible(span)).count().await;
        assert_eq!((calls[broken].get(), calls[1 - broken].get()), (1, 3));
        assert_eq!(capture.named("telemetry.handler.failure").len(), 1);
    }
}

/// What is made only for those who may have it must not change what is told to all.
#[tokio::test]
async fn content_that_panics_is_missing_and_the_rest_of_the_observer_counts() {
    let capture = Capture::new();
    let span = Span::generate().observe(|(): &(), stop| {
        stop.output(|| -> String { lost() });
        stop.push_output(|| -> String { lost() });
        stop.result(|| -> String { lost() });
        stop.error("http_500", PanicsOnDisplay);
        stop.response_id("resp_1");
    });
    capture.scope(async { Answer::Ok(()) }.in_span(span)).await.unwrap();
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "outcome"), text(&stop, "error_type")), ("error".into(), "http_500".into()));
    assert_eq!((value(&stop, "error"), value(&stop, "output")), (Value::Null, Value::Null));
    assert_eq!((value(&stop, "response"), text(&stop, "response_id")), (Value::Null, "resp_1".into()));
    let failures = capture.named("telemetry.handler.failure");
    assert_eq!(failures.iter().map(|it| text(it, "handler_id")).collect::<Vec<_>>(), ["output", "error"]);
}

#[tokio::test]
async fn content_that_panics_in_a_stream_is_told_once_and_not_for_each_chunk() {
    let capture = Capture::new();
    let span = Span::stream().observe(|chunk: &u64, record| {
        record.push_output(|| if *chunk > 1 { lost() } else { "Hel" });
        record.usage(Usage::new().output(*chunk));
    });
    capture.run(|| stream::iter([1, 2, 3]).in_span_infallible(span)).count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(
        (stop.as_event().usage(), text(&stop, "output")),
        (Some(&Usage::new().output(3)), "Hel".into())
    );
    assert_eq!(capture.named("telemetry.handler.failure").len(), 1);
}
