//! Sinks of one's own: what they gather, and when it is written.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use allm_telemetry::{
    Telemetry,
    handler::{Sink, SubscribeOptions, WhenFull},
    prelude::*,
};

const SOON: Duration = Duration::from_secs(20);

/// Tells what it writes, and is full at so many events.
struct Gathers {
    full_at: Option<usize>,
    gathered: Vec<String>,
    /// It is busy with each event until the other end is gone.
    busy: Receiver<()>,
    written: Sender<Vec<String>>,
}

impl Sink for Gathers {
    fn take(&mut self, event: &Event<'_>) {
        let _ = self.busy.recv();
        self.gathered.push(event.name().to_string());
    }

    fn is_full(&self) -> bool {
        self.full_at.is_some_and(|most| self.gathered.len() >= most)
    }

    fn write(&mut self, _lost: u64) -> io::Result<()> {
        self.written.send(std::mem::take(&mut self.gathered)).map_err(io::Error::other)
    }
}

/// The same, without a word on when it is full.
struct NeverFull(Gathers);

impl Sink for NeverFull {
    fn take(&mut self, event: &Event<'_>) {
        self.0.take(event);
    }

    fn write(&mut self, lost: u64) -> io::Result<()> {
        self.0.write(lost)
    }
}

/// What is written of three events that come while the sink is busy with the first.
fn written<S: Sink>(full_at: Option<usize>, sink: impl FnOnce(Gathers) -> S) -> Vec<Vec<String>> {
    let (telemetry, (go, busy), (written, writes)) = (Telemetry::new(), channel(), channel());
    let sink = sink(Gathers { full_at, gathered: Vec::new(), busy, written });
    let names = ["allm.a", "allm.b", "allm.c"];
    let guard = telemetry.attach_sink("own", names, SubscribeOptions::new(8), sink).unwrap();
    for suffix in ["a", "b", "c"] {
        telemetry.execute(suffix, [("n", 1)], [("k", 1)]).unwrap();
    }
    drop(go);
    assert!(guard.flush(SOON).is_complete());
    writes.try_iter().filter(|lines| !lines.is_empty()).collect()
}

#[test]
fn what_came_while_a_sink_was_busy_is_written_at_once() {
    assert_eq!(written(None, NeverFull), [["allm.a", "allm.b", "allm.c"]]);
}

#[test]
fn a_sink_that_is_full_writes_although_more_is_queued() {
    assert_eq!(written(Some(2), |sink| sink), [vec!["allm.a", "allm.b"], vec!["allm.c"]]);
}

/// Says when it has an event, and keeps it until it may go on.
struct Holds {
    has: Sender<()>,
    go: Receiver<()>,
}

impl Sink for Holds {
    fn take(&mut self, _: &Event<'_>) {
        self.has.send(()).unwrap();
        let _ = self.go.recv();
    }

    fn write(&mut self, _lost: u64) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_bytes_that_a_sink_has_taken_count_until_it_is_done_with_them() {
    let (telemetry, (go, goes), (has, had)) = (Telemetry::new(), channel(), channel());
    let options = SubscribeOptions::new(100).max_bytes(35_000);
    let guard = telemetry.attach_sink("own", ["allm.a"], options, Holds { has, go: goes }).unwrap();
    let emit = || telemetry.execute("a", [("n", 1)], [("text", "x".repeat(10_000))]).unwrap();
    emit();
    had.recv_timeout(SOON).expect("it takes the first");
    (0..9).for_each(|_| emit());
    assert_eq!(guard.lost(), 7, "one is taken, two are queued");
    // It is done with the first when it has the next.
    go.send(()).unwrap();
    had.recv_timeout(SOON).expect("it takes the others");
    (0..9).for_each(|_| emit());
    assert_eq!(guard.lost(), 7 + 8, "there was room for one");
    drop(go);
    assert_eq!(guard.flush(SOON).waiting, 0);
    assert_eq!(had.try_iter().count(), 2);
}

/// Emits another event for each that it takes, so that its queue is never empty.
struct Feeds(Telemetry);

impl Sink for Feeds {
    fn take(&mut self, _: &Event<'_>) {
        self.0.execute("a", [("n", 1)], [("k", 1)]).unwrap();
    }

    fn write(&mut self, _lost: u64) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_flush_ends_although_the_queue_is_never_empty() {
    let telemetry = Telemetry::new();
    let sink = Feeds(telemetry.clone());
    let guard = telemetry.attach_sink("feeds", ["allm.a"], SubscribeOptions::new(8), sink).unwrap();
    telemetry.execute("a", [("n", 1)], [("k", 1)]).unwrap();
    (0..3).for_each(|_| assert!(guard.flush(SOON).is_complete()));
    drop(guard);
    assert!(telemetry.list_handlers("").is_empty());
}

#[test]
fn a_sink_that_is_stuck_is_detached_when_its_guard_goes_and_nobody_waits_for_it_any_more() {
    let (telemetry, (go, busy), (written, writes)) = (Telemetry::new(), channel(), channel());
    let sink = Gathers { full_at: None, gathered: Vec::new(), busy, written };
    let options = SubscribeOptions::new(1).when_full(WhenFull::Wait);
    let guard = telemetry.attach_sink("stuck", ["allm.a"], options, sink).unwrap();
    let emit = |telemetry: &Telemetry| telemetry.execute("a", [("n", 1)], [("k", 1)]).unwrap();
    // The second finds room when the sink has the first.
    (0..2).for_each(|_| emit(&telemetry));
    let (emitting, (emitted, done)) = (telemetry.clone(), channel());
    thread::spawn(move || {
        emit(&emitting);
        emitted.send(()).unwrap();
    });
    // It takes the five seconds.
    drop(guard);
    done.recv_timeout(SOON).expect("the emitting thread goes on");
    assert!(telemetry.list_handlers("").is_empty());
    telemetry.attach("stuck", "allm.a", |_: &Event<'_>| {}).expect("the id is free");

    drop(go);
    let lines: Vec<_> = writes.iter().flatten().collect();
    assert_eq!(lines, ["allm.a", "allm.a"], "what was queued is written when it comes back");
    assert_eq!(telemetry.list_handlers("").len(), 1, "and it detaches nobody else");
}

/// Panics when it takes or writes something, once the other end is gone.
struct Panics {
    at_write: bool,
    busy: Receiver<()>,
}

impl Sink for Panics {
    fn take(&mut self, _: &Event<'_>) {
        let _ = self.busy.recv();
        if !self.at_write {
            resume_unwind(Box::new("bad take"));
        }
    }

    fn write(&mut self, _lost: u64) -> io::Result<()> {
        resume_unwind(Box::new("bad write"))
    }
}

#[test]
fn what_a_sink_that_panics_has_not_written_is_lost_and_counted() {
    for at_write in [false, true] {
        let (telemetry, (go, busy)) = (Telemetry::new(), channel());
        let sink = Panics { at_write, busy };
        let guard = telemetry.attach_sink("bad", ["allm.a"], SubscribeOptions::new(16), sink).unwrap();
        (0..10).for_each(|_| telemetry.execute("a", [("n", 1)], [("k", 1)]).unwrap());
        drop(go);
        let found = guard.flush(SOON);
        assert_eq!((found.lost, found.waiting, guard.lost()), (10, 0, 10), "at a write: {at_write}");
    }
}

/// A sink whose writes and reopenings succeed while their flags are set.
struct Unsteady(Arc<Mutex<(bool, bool)>>);

impl Unsteady {
    fn result(can: bool) -> io::Result<()> {
        if can { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }
}

impl Sink for Unsteady {
    fn take(&mut self, _: &Event<'_>) {}

    fn write(&mut self, _lost: u64) -> io::Result<()> {
        Self::result(self.0.lock().unwrap().0)
    }

    fn reopen(&mut self) -> io::Result<()> {
        Self::result(self.0.lock().unwrap().1)
    }
}

#[test]
fn a_sink_has_recovered_when_it_can_both_write_and_open_its_file_again() {
    let (telemetry, can) = (Telemetry::new(), Arc::new(Mutex::new((true, true))));
    let (reported, reports) = channel();
    let report = move |event: &Event<'_>| {
        reported.send(event.metadata("kind").unwrap().as_str().unwrap().to_owned()).unwrap();
    };
    telemetry.attach("reports", "telemetry.handler.failure", report).unwrap();
    let sink = Unsteady(can.clone());
    let guard = telemetry.attach_sink("own", ["allm.a"], SubscribeOptions::new(8), sink).unwrap();
    let works = |write: bool, reopen: bool| {
        *can.lock().unwrap() = (write, reopen);
        guard.reopen();
        // The sink opens its file again before it takes the event.
        telemetry.execute("a", [("n", 1)], [("k", 1)]).unwrap();
        assert_eq!(guard.flush(SOON).waiting, 0);
    };
    works(false, false);
    works(false, true);
    works(false, false);
    works(true, false);
    works(true, true);
    drop((guard, telemetry));
    // It fails to write, and three times to open its file.
    let reports: Vec<String> = (0..5).map(|_| reports.recv_timeout(SOON).unwrap()).collect();
    assert_eq!(reports, ["io", "io", "io", "io", "recovered"]);
}
