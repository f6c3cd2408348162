use std::future::Future;

use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use crate::context::{Context, InContext};

/// Spawns a future with [`tokio::spawn`] in the current context.
///
/// # Panics
///
/// Panics if called outside a tokio runtime.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, current_request_id};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async {
///     let task = allm_telemetry::spawn(async { current_request_id() });
///     assert_eq!(task.await.unwrap(), current_request_id());
/// }
/// .in_span_infallible(Span::chat())
/// .await;
/// # }
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // Exactly the current context: unlike a wrapped future, a new task is not polled in a context to choose from.
    tokio::spawn(InContext::exactly(Context::current(), future))
}

/// Spawns a future with [`tokio::task::spawn_local`] in the current context.
///
/// # Panics
///
/// Panics if called outside a `LocalSet`.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    tokio::task::spawn_local(InContext::exactly(Context::current(), future))
}

/// Runs a closure with [`tokio::task::spawn_blocking`] in the current context.
///
/// # Panics
///
/// Panics if called outside a tokio runtime.
#[track_caller]
pub fn spawn_blocking<R, F>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let carried = InContext::exactly(Context::current(), work);
    tokio::task::spawn_blocking(move || carried.run())
}

/// Extension trait that spawns tasks on a [`JoinSet`] in the current context. In the [prelude](crate::prelude).
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, current_request_id};
/// use tokio::task::JoinSet;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async {
///     let mut tools = JoinSet::new();
///     tools.spawn_in_context(async { current_request_id() });
///     assert_eq!(tools.join_next().await.unwrap().unwrap(), current_request_id());
/// }
/// .in_span_infallible(Span::chat())
/// .await;
/// # }
/// ```
pub trait JoinSetContextExt<T> {
    /// Spawns a future with [`JoinSet::spawn`] in the current context.
    fn spawn_in_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send;

    /// Spawns a future with [`JoinSet::spawn_local`] in the current context.
    fn spawn_local_in_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static;

    /// Runs a closure with [`JoinSet::spawn_blocking`] in the current context.
    fn spawn_blocking_in_context<F>(&mut self, work: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send;
}

impl<T: 'static> JoinSetContextExt<T> for JoinSet<T> {
    #[track_caller]
    fn spawn_in_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.spawn(InContext::exactly(Context::current(), future))
    }

    #[track_caller]
    fn spawn_local_in_context<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.spawn_local(InContext::exactly(Context::current(), future))
    }

    #[track_caller]
    fn spawn_blocking_in_context<F>(&mut self, work: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        let carried = InContext::exactly(Context::current(), work);
        self.spawn_blocking(move || carried.run())
    }
}
