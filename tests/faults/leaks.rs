//! Nothing is left: every place in the tree of contexts is dropped, and everything that handlers hold.
//!
//! A listener's state lies on the context node of its span, so counting live states counts live nodes. What no test can
//! see from inside, a leak checker does: `docs/guarantees.md` has the command.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use crate::support::*;
use allm_telemetry::{
    Context, Event, Listener, RequestId, SpanName, Telemetry, adapter_retry, event::EventName, prelude::*,
    spawn, testing::Capture, with_baggage, with_request_id,
};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::task::{JoinSet, yield_now};

const SOON: Duration = Duration::from_secs(20);

/// How many there are, and the most there have been.
#[derive(Default)]
struct Count {
    live: AtomicUsize,
    most: AtomicUsize,
    all: AtomicUsize,
}

/// Counts itself while it lives.
struct Counted(Arc<Count>);

impl Counted {
    fn new(count: &Arc<Count>) -> Self {
        let live = count.live.fetch_add(1, Ordering::SeqCst) + 1;
        count.most.fetch_max(live, Ordering::SeqCst);
        count.all.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Its states are counted, and what it captures where spans are built.
struct Counter(Arc<Count>);

impl Listener for Counter {
    type Built = Counted;
    type State = (Counted, Counted);
    fn wants_around(&self) -> bool {
        true
    }
    fn on_build(&self) -> Counted {
        Counted::new(&self.0)
    }
    fn on_start(&self, _: &Event<'_>, built: Counted, _: Option<&Self::State>) -> Self::State {
        (Counted::new(&self.0), built)
    }
    fn on_end(&self, _: &Self::State, _: &Event<'_>) {}
}

/// A handle with a counting listener, and a handler of every event that holds a counted value.
fn counting() -> (Telemetry, Arc<Count>) {
    let (telemetry, count) = (Telemetry::new(), Arc::new(Count::default()));
    telemetry.listen("counter", Counter(count.clone())).unwrap();
    let held = Counted::new(&count);
    let others =
        ["allm.adapter.retry", "telemetry.handler.failure"].map(|name| EventName::try_from(name).unwrap());
    let events = SpanName::ALL.iter().flat_map(|span| span.events()).cloned().chain(others);
    telemetry.attach_many("holds", events, move |_| assert!(Arc::strong_count(&held.0) > 0)).unwrap();
    (telemetry, count)
}

/// The handler's value lives as long as it is attached.
const HELD: usize = 1;

#[track_caller]
fn assert_live(count: &Count, live: usize) {
    assert_eq!(count.live.load(Ordering::SeqCst), live, "of {} ever", count.all.load(Ordering::SeqCst));
}

/// Everything that leaves nodes behind if anything does, some of it unfinished.
async fn a_busy_request(turn: u64) {
    let tool = || async { adapter_retry(1, ms(1), "reset") }.in_span_infallible(Span::tool("t", "1"));
    let mut tools = JoinSet::new();
    (0..3).for_each(|_| drop(tools.spawn_in_context(tool())));
    let late = spawn(async move { (yield_now().await, tool().await).1 });
    drop(spawn(pending::<()>().in_span_infallible(Span::step())).abort_handle());
    let mut tokens = stream::iter([Ok(1), Err(refused()), Ok(2)]).in_span(Span::stream());
    drop(tokens.next().await);
    let opening = Span::stream().open_infallible(async { stream::pending::<u8>() });
    let mut opened = opening.await;
    assert!(opened.next().now_or_never().is_none());
    let neighbours: FuturesUnordered<_> =
        (0..4).map(|_| yield_now().in_span_infallible(Span::step())).collect();
    if turn.is_multiple_of(2) {
        neighbours.count().await;
    }
    assert!(pending::<()>().in_span_infallible(Span::generate()).now_or_never().is_none());
    with_request_id(RequestId::random(), async { drop(Span::chat()) }).await;
    with_baggage([("turn", turn)], tool().in_span_infallible(Span::chat().baggage("more", turn))).await;
    let elsewhere = Context::current();
    thread::spawn(move || elsewhere.run(|| Span::chat().start().complete())).join().unwrap();
    let _by_hand = Span::generate().start();
    if turn.is_multiple_of(3) {
        std::panic::resume_unwind(Box::new("lost"));
    }
    drop((tools, late.await));
}

#[test]
fn after_requests_of_all_kinds_no_node_is_left() {
    let (telemetry, count) = counting();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let mut requests = JoinSet::new();
        for turn in 0..60 {
            requests.spawn(telemetry.scope(a_busy_request(turn).in_span_infallible(Span::chat())));
        }
        while let Some(ended) = requests.join_next().await {
            assert!(ended.is_ok() || ended.unwrap_err().is_panic());
        }
    });
    assert!(count.live.load(Ordering::SeqCst) > HELD, "some of it is under way still");
    // What was spawned and waits for ever goes with its runtime.
    drop(runtime);
    assert!(count.all.load(Ordering::SeqCst) > 60 * 20, "it has counted");
    assert_live(&count, HELD);
}

#[test]
fn what_never_ran_or_is_dropped_unwound_leaves_no_node() {
    let (telemetry, count) = counting();
    telemetry.run(|| {
        drop(Span::chat());
        drop(async {}.in_span_infallible(Span::chat()));
        drop(Span::stream().open_infallible(async { stream::empty::<u8>() }));
        drop(stream::empty::<u8>().in_span_infallible(Span::stream()));
        let mut waits = Box::pin(pending::<()>().in_span_infallible(Span::chat()));
        assert!(poll_once(&mut waits).is_pending());
        panic_text(move || {
            let _waits = waits;
            std::panic::resume_unwind(Box::new("lost"));
        });
    });
    assert_live(&count, HELD);
}

/// A task that spawns its successor, each inside the last.
fn generation(left: u32, done: std::sync::mpsc::SyncSender<()>) -> BoxFuture<'static, ()> {
    let work = async move {
        if left == 0 {
            done.send(()).unwrap();
        } else {
            drop(spawn(generation(left - 1, done)));
        }
    };
    work.in_span_infallible(Span::step().baggage("left", left)).boxed()
}

#[test]
fn a_task_that_spawns_its_successor_for_ever_keeps_a_bounded_number_of_nodes() {
    let (telemetry, count) = counting();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (done, is_done) = sync_channel(1);
    runtime.block_on(async {
        telemetry.scope(generation(5_000, done)).await;
        while is_done.try_recv().is_err() {
            yield_now().await;
        }
    });
    drop(runtime);
    let most = count.most.load(Ordering::SeqCst);
    assert!(most < 600, "{most} live at once");
    assert_live(&count, HELD);
}

#[test]
fn a_context_in_a_channel_keeps_its_span_and_lets_go_of_it() {
    let (telemetry, count) = counting();
    let (send, receive) = sync_channel(8);
    let work = async { (0..8).for_each(|_| send.send(Context::current()).unwrap()) };
    telemetry.scope(work.in_span_infallible(Span::chat())).now_or_never().unwrap();
    // A state is two counted values.
    assert_live(&count, HELD + 2);
    drop((receive.try_recv().unwrap(), receive.try_recv().unwrap()));
    assert_live(&count, HELD + 2);
    drop(receive);
    assert_live(&count, HELD);
}

#[test]
fn a_listener_that_is_detached_mid_span_leaves_no_state_when_its_spans_have_ended() {
    let (telemetry, count) = counting();
    let mut chat = Box::pin(telemetry.scope(pending::<()>().in_span_infallible(Span::chat())));
    assert!(poll_once(&mut chat).is_pending());
    telemetry.detach("counter").unwrap();
    assert_live(&count, HELD + 2);
    drop(chat);
    assert_live(&count, HELD);
}

#[test]
fn a_thread_that_has_emitted_lets_go_of_a_detached_handler_when_it_ends() {
    let (telemetry, count) = counting();
    let (knows, is_known) = sync_channel(1);
    let (go, wait) = sync_channel::<()>(1);
    let there = telemetry.clone();
    let thread = thread::spawn(move || {
        there.scope(async {}.in_span_infallible(Span::chat())).now_or_never().unwrap();
        knows.send(()).unwrap();
        let _ = wait.recv_timeout(SOON);
    });
    is_known.recv_timeout(SOON).unwrap();
    telemetry.detach("holds").unwrap();
    assert_live(&count, HELD);
    drop(go);
    thread.join().unwrap();
    assert_live(&count, 0);
}

#[test]
fn a_handle_that_is_dropped_takes_all_that_was_attached_with_it() {
    let handler: Arc<()> = Arc::default();
    let left: Weak<()> = Arc::downgrade(&handler);
    let (telemetry, count) = counting();
    let holds = move |_: &Event<'_>| assert!(Arc::strong_count(&handler) > 0);
    telemetry.attach("handler", "allm.a", holds).unwrap();
    let queue = telemetry.subscribe("queue", ["allm.a"], 4).unwrap();
    telemetry.execute("a", [("n", 1)], [("k", 1)]).unwrap();
    // A subscription owns a clone of its handle.
    drop((queue, telemetry));
    // This thread has a copy of the table until it emits again.
    Capture::new().scope(async {}.in_span_infallible(Span::chat())).now_or_never().unwrap();
    assert_live(&count, 0);
    assert!(left.upgrade().is_none());
}
