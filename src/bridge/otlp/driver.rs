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

/// A runtime on a thread of its own, for as long as an exporter needs it.
///
/// The exporters' sockets and timers live here and not in the user's runtime, so that exports go on while a
/// current-thread runtime waits for them, and after it is gone.
#[derive(Debug)]
pub(super) struct Driver {
    handle: Handle,
    /// Its drop ends the thread.
    _stop: oneshot::Sender<Infallible>,
}

impl Driver {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<Infallible>();
        thread::Builder::new().name("allm-otlp".to_owned()).spawn(move || {
            // What sends telemetry must not tell of itself.
            let _quiet = Context::enter_telemetry_suppressed_scope();
            let _ = runtime.block_on(stopped);
            // A name that is being looked up cannot be interrupted.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _stop: stop })
    }

    /// Runs work to its end, whoever waits for it.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }

    /// Runs code that builds sockets or timers.
    pub(super) fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        let _inside = self.handle.enter();
        work()
    }

    /// Whoever polls this, its sockets and timers are of this runtime. `None` if it takes longer than `limit`.
    pub(super) async fn within<F: Future>(&self, limit: Duration, work: F) -> Option<F::Output> {
        let mut work = pin!(async { timeout(limit, work).await.ok() });
        poll_fn(|cx| self.enter(|| work.as_mut().poll(cx))).await
    }
}
