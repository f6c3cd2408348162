use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use opentelemetry::Context;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A tokio runtime on a thread of its own, which ends when the last exporter is dropped.
///
/// The exporters' sockets and timers belong to it and not to the user's runtime, so that exports go on while a
/// current-thread runtime blocks on them, and after that runtime has shut down.
#[derive(Debug)]
pub(super) struct ExportRuntime {
    handle: Handle,
    /// Dropping it ends the thread.
    _stop: oneshot::Sender<Infallible>,
}

impl ExportRuntime {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<Infallible>();
        thread::Builder::new().name("allm-otlp".to_owned()).spawn(move || {
            // The requests that send telemetry must not be traced themselves.
            let _quiet = Context::enter_telemetry_suppressed_scope();
            let _ = runtime.block_on(stopped);
            // An ordinary shutdown would wait for a name that is being resolved, which cannot be interrupted.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _stop: stop })
    }

    /// Runs work to its end, even if nothing waits for it.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }

    /// Runs code that builds sockets or timers.
    pub(super) fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        let _inside = self.handle.enter();
        work()
    }

    /// Runs work on the caller's task with the sockets and timers of this runtime. `None` if it takes longer than `limit`.
    pub(super) async fn within<F: Future>(&self, limit: Duration, work: F) -> Option<F::Output> {
        let mut work = pin!(async { timeout(limit, work).await.ok() });
        poll_fn(|cx| self.enter(|| work.as_mut().poll(cx))).await
    }
}
