use std::thread;

use tokio::sync::oneshot;

/// Runs blocking work on a thread of its own. The receiver resolves when it has finished.
pub(super) fn on_thread(work: impl FnOnce() + Send + 'static) -> oneshot::Receiver<()> {
    let (done, wait) = oneshot::channel();
    let spawned = thread::Builder::new().name("allm-otlp-flush".to_owned()).spawn(move || {
        work();
        let _ = done.send(());
    });
    // If the thread cannot be started, the sender is dropped: nothing waits for it, and the report counts what was not sent.
    drop(spawned);
    wait
}
