//! Subscriptions: a stream of owned events through a bounded queue whose losses are counted.

use crate::support::*;
use allm_telemetry::{
    SpanName, Telemetry,
    handler::{AttachError, SubscribeOptions, Subscription, WhenFull},
    prelude::*,
    subscribe,
};
use futures::{FutureExt as _, StreamExt as _};

fn emit(telemetry: &Telemetry, n: u64) {
    telemetry.execute("tick", [("n", n)], [("k", 1)]).unwrap();
}

fn ticks(telemetry: &Telemetry, capacity: usize) -> Subscription {
    telemetry.subscribe("queue", ["allm.tick"], capacity).unwrap()
}

/// What is queued now.
fn queued(events: &mut Subscription) -> Vec<u64> {
    std::iter::from_fn(|| events.next().now_or_never().flatten())
        .map(|event| measurement(&event, "n"))
        .collect()
}

#[test]
fn events_come_in_order() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, 8);
    (0..5).for_each(|n| emit(&telemetry, n));
    assert_eq!((queued(&mut events), events.lost()), (vec![0, 1, 2, 3, 4], 0));
}

#[test]
fn when_the_queue_is_full_events_are_dropped_and_counted() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, 3);
    (0..10).for_each(|n| emit(&telemetry, n));
    assert_eq!((events.lost(), queued(&mut events)), (7, vec![0, 1, 2]));
    emit(&telemetry, 10);
    assert_eq!((queued(&mut events), events.lost()), (vec![10], 7));
}

#[test]
fn a_queue_holds_at_least_one_event() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, 0);
    emit(&telemetry, 1);
    assert_eq!(queued(&mut events), [1]);
}

#[test]
fn a_queue_without_a_limit_has_the_greatest_that_there_is() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, usize::MAX);
    emit(&telemetry, 1);
    assert_eq!(queued(&mut events), [1]);
}

/// Emits an event that holds so many bytes, and a few.
fn emit_large(telemetry: &Telemetry, n: u64, bytes: usize) {
    telemetry.execute("tick", [("n", n)], [("text", "x".repeat(bytes))]).unwrap();
}

#[test]
fn a_queue_is_bounded_in_bytes_as_well_as_in_events() {
    let telemetry = Telemetry::new();
    let options = SubscribeOptions::new(1_000).max_bytes(35_000);
    let mut events = telemetry.subscribe_with("queue", ["allm.tick"], options).unwrap();
    (0..10).for_each(|n| emit_large(&telemetry, n, 10_000));
    emit(&telemetry, 10);
    assert_eq!((events.lost(), events.queued()), (7, 4), "the last is small enough");
    assert_eq!(measurement(&events.try_next().unwrap(), "n"), 0);
    emit_large(&telemetry, 11, 10_000);
    assert_eq!((queued(&mut events), events.lost()), (vec![1, 2, 10, 11], 7));
}

#[test]
fn an_event_larger_than_the_bound_is_queued_only_while_there_is_no_other() {
    let telemetry = Telemetry::new();
    let options = SubscribeOptions::new(1_000).max_bytes(10_000);
    let mut events = telemetry.subscribe_with("queue", ["allm.tick"], options).unwrap();
    emit_large(&telemetry, 0, 1_000_000);
    emit_large(&telemetry, 1, 1_000_000);
    emit(&telemetry, 2);
    assert_eq!((queued(&mut events), events.lost()), (vec![0], 2));
    emit(&telemetry, 3);
    emit_large(&telemetry, 4, 1_000_000);
    assert_eq!((queued(&mut events), events.lost()), (vec![3], 3));
}

#[test]
fn the_bytes_of_all_that_a_span_carries_count() {
    let large = || "x".repeat(10_000);
    let is_too_large = |events: usize, work: &dyn Fn()| {
        let telemetry = Telemetry::new();
        let options = SubscribeOptions::new(1_000).max_bytes(10_000);
        let queue = telemetry.subscribe_with("queue", SpanName::Generate.events(), options).unwrap();
        // Something else is queued already.
        telemetry.run(|| Span::generate().start().complete());
        assert_eq!(queue.lost(), 0);
        telemetry.run(work);
        assert_eq!(queue.lost(), events as u64);
    };
    is_too_large(2, &|| Span::generate().model(large()).start().complete());
    is_too_large(2, &|| Span::generate().engine(large()).start().complete());
    is_too_large(2, &|| Span::generate().provider(large()).start().complete());
    is_too_large(2, &|| Span::generate().metadata("own", large()).start().complete());
    is_too_large(2, &|| Span::generate().metadata("own", vec![1; 2_000]).start().complete());
    is_too_large(2, &|| Span::generate().input(large).start().complete());
    is_too_large(2, &|| Span::generate().baggage("user_id", large()).start().complete());
    let recorded = |record: &dyn Fn(&mut Record<'_>)| {
        is_too_large(1, &|| {
            let mut span = Span::generate().start();
            span.record(record);
            span.complete();
        });
    };
    recorded(&|record| record.output(large));
    recorded(&|record| record.result(large));
    recorded(&|record| record.metadata("own", vec![large()]));
    recorded(&|record| record.response_model(large()));
    recorded(&|record| record.response_id(large()));
    recorded(&|record| record.finish_reason(large()));
    recorded(&|record| record.error("class", large()));
    recorded(&|record| record.error(large(), ""));
    recorded(&|record| (0..1_000).for_each(|n| record.measurement(format!("{n}"), n)));
}

#[test]
fn who_waits_when_the_queue_holds_too_many_bytes_loses_nothing() {
    let telemetry = Telemetry::new();
    let options = SubscribeOptions::new(1_000).max_bytes(2_500).when_full(WhenFull::Wait);
    let mut events = telemetry.subscribe_with("queue", ["allm.tick"], options).unwrap();
    let emitting = telemetry.clone();
    // Some are larger than the bound.
    let emitter =
        std::thread::spawn(move || (0..200).for_each(|n| emit_large(&emitting, n, 100 * (n % 40) as usize)));
    let seen: Vec<u64> =
        futures::executor::block_on(events.by_ref().take(200).map(|it| measurement(&it, "n")).collect());
    emitter.join().unwrap();
    assert_eq!((seen, events.lost()), ((0..200).collect(), 0));
}

#[test]
fn who_waits_when_the_queue_is_full_loses_nothing() {
    let telemetry = Telemetry::new();
    let options = SubscribeOptions::new(2).when_full(WhenFull::Wait);
    let mut events = telemetry.subscribe_with("queue", ["allm.tick"], options).unwrap();
    let emitting = telemetry.clone();
    let emitter = std::thread::spawn(move || (0..1_000).for_each(|n| emit(&emitting, n)));
    let seen: Vec<u64> =
        futures::executor::block_on(events.by_ref().take(1_000).map(|it| measurement(&it, "n")).collect());
    emitter.join().unwrap();
    assert_eq!((seen, events.lost()), ((0..1_000).collect(), 0));
}

#[test]
fn who_waits_goes_on_when_the_reader_leaves() {
    let telemetry = Telemetry::new();
    let options = SubscribeOptions::new(1).when_full(WhenFull::Wait);
    let events = telemetry.subscribe_with("queue", ["allm.tick"], options).unwrap();
    let emitting = telemetry.clone();
    let emitter = std::thread::spawn(move || (0..5).for_each(|n| emit(&emitting, n)));
    drop(events);
    emitter.join().unwrap();
    assert!(telemetry.list_handlers("").is_empty());
}

/// As tokio calls it: what a task may do before it has to yield.
async fn spend_the_budget() {
    let (sender, mut full) = tokio::sync::mpsc::channel(1_000);
    (0..1_000).for_each(|n| sender.try_send(n).unwrap());
    while full.recv().now_or_never().is_some() {}
    assert!(!full.is_empty(), "the task has to yield");
}

#[tokio::test]
async fn who_waits_in_a_task_whose_budget_is_spent_goes_on_when_there_is_room() {
    let telemetry = Telemetry::new();
    let (is_full, full) = std::sync::mpsc::channel();
    telemetry
        .attach("first", "allm.tick", move |it| is_full.send(it.measurement("n").is_some()).unwrap())
        .unwrap();
    let options = SubscribeOptions::new(1).when_full(WhenFull::Wait);
    let events = telemetry.subscribe_with("queue", ["allm.tick"], options).unwrap();
    let reader = std::thread::spawn(move || {
        // The second event finds the queue full.
        (0..2).for_each(|_| assert!(full.recv().unwrap()));
        futures::executor::block_on(events.take(2).map(|it| measurement(&it, "n")).collect::<Vec<_>>())
    });
    spend_the_budget().await;
    (0..2).for_each(|n| emit(&telemetry, n));
    assert_eq!(reader.join().unwrap(), [0, 1]);
}

#[test]
fn who_waits_goes_on_when_the_reader_is_detached_and_stuck() {
    let telemetry = Telemetry::new();
    let options = SubscribeOptions::new(1).when_full(WhenFull::Wait);
    let mut events = telemetry.subscribe_with("queue", ["allm.tick"], options).unwrap();
    let emitting = telemetry.clone();
    let emitter = std::thread::spawn(move || (0..3).for_each(|n| emit(&emitting, n)));
    while events.queued() == 0 {
        std::thread::yield_now();
    }
    telemetry.detach("queue").unwrap();
    emitter.join().unwrap();
    assert_eq!(queued(&mut events), [0]);
}

#[test]
fn a_reader_that_waits_is_woken_when_it_is_detached() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, 1);
    assert!(events.next().now_or_never().is_none());
    let reader = std::thread::spawn(move || futures::executor::block_on(events.count()));
    telemetry.detach("queue").unwrap();
    assert_eq!(reader.join().unwrap(), 0);
}

#[tokio::test]
async fn a_subscription_ends_when_it_is_detached_after_what_was_queued() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, 8);
    emit(&telemetry, 1);
    telemetry.detach("queue").unwrap();
    emit(&telemetry, 2);
    assert_eq!(measurement(&events.next().await.unwrap(), "n"), 1);
    assert!(events.next().await.is_none() && events.next().await.is_none());
}

#[test]
fn a_subscription_ends_though_another_thread_has_a_copy_of_who_listens() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, 8);
    let ((go, wait), (did, done)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let there = telemetry.clone();
    let other = std::thread::spawn(move || {
        emit(&there, 1);
        did.send(()).unwrap();
        wait.recv().unwrap();
    });
    done.recv().unwrap();
    telemetry.detach("queue").unwrap();
    assert_eq!(events.next().now_or_never().flatten().map(|it| measurement(&it, "n")), Some(1));
    assert!(events.next().now_or_never().expect("it has ended").is_none());
    go.send(()).unwrap();
    other.join().unwrap();
}

#[tokio::test]
async fn a_reader_that_waits_is_woken_by_an_event_and_by_detach() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, 8);
    let reader = tokio::spawn(async move {
        (events.next().await.map(|it| measurement(&it, "n")), events.next().await.is_none())
    });
    tokio::task::yield_now().await;
    emit(&telemetry, 7);
    tokio::task::yield_now().await;
    telemetry.detach("queue").unwrap();
    assert_eq!(reader.await.unwrap(), (Some(7), true));
}

#[test]
fn a_subscription_that_is_dropped_is_detached() {
    let telemetry = Telemetry::new();
    drop(ticks(&telemetry, 8));
    assert!(telemetry.list_handlers("").is_empty());
}

#[test]
fn a_subscription_that_was_detached_does_not_detach_another_with_its_id() {
    let telemetry = Telemetry::new();
    let old = ticks(&telemetry, 8);
    telemetry.detach("queue").unwrap();
    let mut new = ticks(&telemetry, 8);
    drop(old);
    emit(&telemetry, 3);
    assert_eq!(queued(&mut new), [3]);
}

#[test]
fn a_taken_id_and_a_bad_name_are_errors() {
    let telemetry = Telemetry::new();
    let _events = ticks(&telemetry, 8);
    let taken = telemetry.subscribe("queue", ["allm.tick"], 8).map(drop);
    assert_eq!(taken, Err(AttachError::AlreadyExists { id: "queue".into() }));
    let bad = telemetry.subscribe("other", ["allm..tick"], 8).map(drop);
    assert!(matches!(bad, Err(AttachError::InvalidEventName(_))));
}

#[tokio::test]
async fn an_event_that_was_not_read_when_the_reader_was_cancelled_stays_queued() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, 8);
    assert!(events.next().now_or_never().is_none());
    emit(&telemetry, 1);
    drop(events.next());
    assert_eq!(queued(&mut events), [1]);
}

#[tokio::test]
async fn spans_are_observed_through_a_subscription_of_the_scope() {
    let telemetry = Telemetry::new();
    let mut events = telemetry.run(|| subscribe("queue", SpanName::Chat.events(), 8)).unwrap();
    telemetry.scope(async { 4 }.in_span_infallible(Span::chat().model("gpt-5"))).await;
    let (start, stop) = (events.next().await.unwrap(), events.next().await.unwrap());
    assert_eq!((text(&start, "model"), text(&stop, "outcome")), ("gpt-5".into(), "completed".into()));
    assert_eq!(start.as_event().span_id(), stop.as_event().span_id());
}

#[test]
fn a_queue_may_be_read_while_many_threads_emit() {
    let telemetry = Telemetry::new();
    let mut events = ticks(&telemetry, 16);
    let emitters: Vec<_> = (0..4)
        .map(|_| {
            let telemetry = telemetry.clone();
            std::thread::spawn(move || (0..500).for_each(|n| emit(&telemetry, n)))
        })
        .collect();
    let mut read = 0;
    while emitters.iter().any(|emitter| !emitter.is_finished()) {
        read += queued(&mut events).len() as u64;
    }
    read += queued(&mut events).len() as u64;
    assert_eq!(read + events.lost(), 2_000);
}
