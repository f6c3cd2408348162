//! Where a life is lived, and what ends it there.

use std::cell::Cell;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt as _;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{AbortHandle, JoinHandle, JoinSet, LocalSet, spawn_blocking, spawn_local};

use crate::specimen::{DROPPED_BADLY, Life};
use crate::support::{ms, poll_once};
use crate::table::{Setting, Way};

thread_local! {
    /// Where a life waits for the end of its thread. Touched first, so it is dropped after all other thread-locals.
    static STASH: Cell<Option<Life>> = const { Cell::new(None) };
}

/// Lives a life on a thread of its own, and returns when that thread has ended.
pub(crate) fn play(setting: Setting, way: Way, life: Life) {
    let stage = move || {
        STASH.set(None);
        match setting {
            Setting::NoRuntime => poll_by_hand(end(way, life)),
            Setting::LocalPool => on_a_local_pool(way, life),
            _ => on_tokio(setting, way, life),
        }
    };
    thread::spawn(stage).join().unwrap_or_else(|payload| resume_unwind(payload));
}

fn poll_by_hand(future: impl Future<Output = ()>) {
    let mut future = Box::pin(future);
    while poll_once(&mut future).is_pending() {}
}

fn on_a_local_pool(way: Way, life: Life) {
    let mut pool = LocalPool::new();
    if way == Way::RuntimeDrop {
        let probe = life.probe.clone();
        pool.spawner().spawn_local(life).unwrap();
        pool.run_until(probe.under_way.notified());
    } else {
        pool.run_until(end(way, life));
    }
}

fn on_tokio(setting: Setting, way: Way, life: Life) {
    // The set stays empty in the other settings. It outlives the runtime, and its tasks die with it.
    let (local, runtime) = (LocalSet::new(), runtime(setting));
    runtime.block_on(local.run_until(async {
        match way {
            Way::Abort => {
                let (life, release) = set_out(setting, life).await;
                let probe = life.probe.clone();
                let task = spawn_on(setting, life);
                probe.under_way.notified().await;
                task.abort();
                drop(release);
                assert!(task.await.unwrap_err().is_cancelled());
            }
            Way::JoinSetShutdown => {
                let (life, release) = set_out(setting, life).await;
                let (probe, mut set) = (life.probe.clone(), JoinSet::new());
                spawn_in(&mut set, setting, life);
                probe.under_way.notified().await;
                tokio::join!(set.shutdown(), async { drop(release) });
            }
            Way::RuntimeDrop | Way::ShutdownTimeout => {
                let (life, release) = set_out(setting, life).await;
                let probe = life.probe.clone();
                drop(spawn_on(setting, life));
                probe.under_way.notified().await;
                // Dropped with the runtime's tasks.
                tokio::spawn(async move { (pending::<()>().await, release).0 });
            }
            _ => match setting {
                Setting::LocalSet => spawn_local(end(way, life)),
                Setting::SpawnBlocking => spawn_blocking(move || Handle::current().block_on(end(way, life))),
                _ => tokio::spawn(end(way, life)),
            }
            .await
            .unwrap(),
        }
    }));
    match way {
        Way::ShutdownTimeout => runtime.shutdown_timeout(ms(1)),
        _ => drop(runtime),
    }
}

fn runtime(setting: Setting) -> Runtime {
    let multi_thread = setting == Setting::MultiThread;
    let mut builder = if multi_thread { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    // One blocking thread, so that blocking work can be made to wait in the queue.
    builder.worker_threads(2).max_blocking_threads(1).enable_time();
    builder.on_thread_start(|| STASH.set(None)).build().unwrap()
}

/// Blocking work that runs cannot be stopped from outside, but what waits in the queue can. So for `spawn_blocking` the
/// life is brought under way on the blocking thread, which then works until it is released.
async fn set_out(setting: Setting, mut life: Life) -> (Life, Sender<()>) {
    let (release, wait) = channel::<()>();
    if setting == Setting::SpawnBlocking {
        let set_out = move || {
            Handle::current().block_on(under_way(&mut life));
            life
        };
        life = spawn_blocking(set_out).await.unwrap();
        life.probe.under_way.notify_one();
        spawn_blocking(move || wait.recv());
    }
    (life, release)
}

fn spawn_on(setting: Setting, life: Life) -> JoinHandle<()> {
    match setting {
        Setting::LocalSet => spawn_local(life),
        Setting::SpawnBlocking => spawn_blocking(move || drop(life)),
        _ => tokio::spawn(life),
    }
}

fn spawn_in(set: &mut JoinSet<()>, setting: Setting, life: Life) -> AbortHandle {
    match setting {
        Setting::LocalSet => set.spawn_local(life),
        Setting::SpawnBlocking => set.spawn_blocking(move || drop(life)),
        _ => set.spawn(life),
    }
}

/// The ways to end that need no setting of their own.
async fn end(way: Way, mut life: Life) {
    if way != Way::ByItself {
        under_way(&mut life).await;
    }
    match way {
        Way::ByItself => life.await,
        Way::Timeout => drop(tokio::time::timeout(ms(1), life).await.unwrap_err()),
        Way::Select => tokio::select! {
            biased;
            () = life => unreachable!("it is under way for ever"),
            () = ready(()) => {}
        },
        Way::PanicInDrop => {
            let payload = catch_unwind(AssertUnwindSafe(|| drop(life))).expect_err("the panic goes on");
            assert_eq!(payload.downcast_ref(), Some(&DROPPED_BADLY));
        }
        Way::ThreadTeardown => STASH.set(Some(life)),
        _ => unreachable!("{way:?} is the setting's matter"),
    }
}

async fn under_way(life: &mut Life) {
    let probe = life.probe.clone();
    tokio::select! {
        biased;
        () = life => panic!("it ended before it could die"),
        () = probe.under_way.notified() => {}
    }
}
