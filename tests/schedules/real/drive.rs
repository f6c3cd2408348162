//! Runs a plan, on one thread with tokio's clock paused, or on many with a clock of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context as TaskContext, Wake, Waker};
use std::time::Duration;

use allm_telemetry::{
    Context, Telemetry, current_request_id,
    event::{Clock as _, SystemClock},
    with_baggage,
};
use futures::FutureExt as _;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::yield_now;

use super::actor::Hands;
use super::witness::Witness;
use super::world::{Command, HandClock, Time, World};
use crate::log::{Entry, Key, baggage_key};
use crate::plan::{Act, Origin, Step};
use crate::program::LOAD;

/// Says whether what the driver polled by hand was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Driver {
    world: Arc<World>,
    hands: Hands,
    /// The scope of the handle.
    scope: Context,
    /// The scope of baggage in it.
    laden: Context,
    woken: Arc<Woken>,
}

/// On a current-thread runtime whose clock is paused.
pub(crate) fn run(plan: &[Step]) -> Vec<Entry> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let entered = runtime.enter();
    let witness = Witness::new(SystemClock.monotonic());
    let time = Time::Paused { began: tokio::time::Instant::now() };
    let mut driver = Driver::new(Telemetry::new(), witness, time);
    // The last task is not aborted: the runtime goes, and it goes with it.
    let (last, plan) = match plan.split_last() {
        Some((Step::Abort { .. }, plan)) => (true, plan),
        _ => (false, plan),
    };
    for step in plan {
        match step {
            Step::Tick => runtime.block_on(tokio::time::advance(Duration::from_millis(1))),
            Step::Poke { task: 0, root } => driver.was_woken(*root),
            Step::Poke { .. } => {}
            other => driver.step(other),
        }
        runtime.block_on(async {
            for _ in 0..2 {
                yield_now().await;
            }
        });
        driver.check();
    }
    drop(entered);
    if last {
        driver.world.begin();
        drop(runtime);
        driver.check();
    }
    driver.world.witness.log()
}

/// On a runtime with several threads. What concerns one task only is not waited for.
pub(crate) fn run_on_threads(plan: &[Step]) -> Vec<Entry> {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_multi_thread().worker_threads(4).build().expect("a runtime"));
    let handle: &Handle = RUNTIME.handle();
    let _entered = handle.enter();
    let clock = HandClock::default();
    let telemetry = Telemetry::with_clock(clock.clone());
    let mut driver = Driver::new(telemetry, Witness::new(0), Time::ByHand(clock.clone()));
    for step in plan {
        if step.is_alone() {
            driver.world.rest();
        }
        match step {
            Step::Tick => clock.tick(),
            other => driver.step(other),
        }
        if step.is_alone() {
            driver.world.rest();
        }
    }
    driver.world.rest();
    // A worker may let go of the last task, and with it of the handle, a moment later: the next program, where nobody
    // may listen, begins now.
    for attached in driver.world.telemetry.list_handlers("") {
        let _gone = driver.world.telemetry.detach(&attached.id);
    }
    driver.world.witness.log()
}

impl Driver {
    fn new(telemetry: Telemetry, witness: Witness, time: Time) -> Self {
        let scope = telemetry.run(Context::current);
        let laden = with_baggage([(baggage_key(LOAD), LOAD)], async { Context::current() });
        // Inside that very scope, as in the model: what is built there is inside what the driver builds.
        let laden = scope.clone().run(|| laden.now_or_never()).expect("it is ready");
        let world = Arc::new(World::new(telemetry, witness, time));
        Self { world, hands: Hands::new(true), scope, laden, woken: Arc::default() }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Do { task: 0, path, act } => self.act(path, act),
            Step::Do { task, path, act } => {
                self.world
                    .send(*task, Some(Command { path: path.iter().copied().collect(), act: act.clone() }));
            }
            Step::Poke { task: 0, root } => self.poke(*root),
            Step::Poke { task, .. } => self.world.send(*task, None),
            Step::Abort { task } => {
                self.world.begin();
                let task = self.world.shared().tasks.remove(task);
                match task {
                    Some(task) => task.abort(),
                    None => self.world.witness.wrong("there is no such task"),
                }
            }
            Step::Tick => {}
        }
        if current_request_id().is_some() {
            self.world.witness.wrong("a request id has leaked");
        }
    }

    /// Does something itself, or polls by hand what it holds.
    fn act(&mut self, path: &[Key], act: &Act) {
        let waker = Waker::from(self.woken.clone());
        let Self { world, hands, scope, laden, .. } = self;
        let command = Command { path: path.iter().copied().collect(), act: act.clone() };
        let work = || hands.act(0, world, command, &mut TaskContext::from_waker(&waker));
        match act {
            Act::Build { from: Origin::Nowhere, .. } => work(),
            Act::Build { from: Origin::Laden, .. } => laden.clone().run(work),
            _ => scope.clone().run(work),
        }
    }

    fn poke(&mut self, root: Key) {
        let waker = Waker::from(self.woken.clone());
        let Self { hands, scope, .. } = self;
        scope.clone().run(|| hands.poll(root, &mut TaskContext::from_waker(&waker)));
    }

    /// A time limit has passed: polls what the timer woke.
    fn was_woken(&mut self, root: Key) {
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            self.world.witness.wrong("a time limit has passed and nobody was woken");
        }
        self.poke(root);
    }

    fn check(&self) {
        if self.world.is_busy() {
            self.world.witness.wrong("a task was never woken");
            while self.world.is_busy() {
                self.world.done();
            }
        }
    }
}
