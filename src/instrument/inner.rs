//! What the wrappers do with the future or stream inside: poll it and drop it in the span's context, and let its panics
//! through after the span has ended.

use std::pin::Pin;
use std::task::Poll;
use std::thread;

use crate::context::{Context, Node};
use crate::registry::{Caught, catch};
use crate::span::observe::Observer;
use crate::span::{Exit, Lifecycle, Observed, end};

/// Polls a future inside an observed span, with the listeners around it that want to be. One that is ready or has
/// panicked is dropped at once, so that spans inside it end before this one. Returns what the poll and the drop gave.
#[inline]
pub(super) fn poll_observed<F, R>(
    node: &Node,
    mut inner: Pin<&mut Option<F>>,
    poll: impl FnOnce(Pin<&mut F>) -> Poll<R>,
) -> (Result<Poll<R>, Caught>, Result<(), Caught>) {
    node.around(|| {
        let polled = catch(|| poll(present(inner.as_mut())));
        let dropped = match polled {
            Ok(Poll::Pending) => Ok(()),
            _ => catch(|| inner.set(None)),
        };
        (polled, dropped)
    })
}

/// Polls a future inside an unobserved span, and drops it there as soon as it is ready.
#[inline]
pub(super) fn poll_carried<F, R>(
    context: &mut Context,
    mut inner: Pin<&mut Option<F>>,
    poll: impl FnOnce(Pin<&mut F>) -> Poll<R>,
) -> Poll<R> {
    context.enter_poll(|| {
        let polled = poll(present(inner.as_mut()));
        if polled.is_ready() {
            inner.set(None);
        }
        polled
    })
}

#[inline]
fn present<T>(inner: Pin<&mut Option<T>>) -> Pin<&mut T> {
    inner.as_pin_mut().expect("a future in a span was polled after it was ready")
}

/// Continues a panic of the inner value, or of its drop. Of two panics the first one continues.
pub(super) fn resume<R>(result: Result<R, Caught>, dropped: Result<(), Caught>) -> R {
    match (result, dropped) {
        (Ok(result), Ok(())) => result,
        // A second panic while the thread unwinds would abort the process.
        (Ok(result), Err(second)) if thread::panicking() => {
            second.swallow();
            result
        }
        (Ok(_), Err(caught)) => caught.resume(),
        (Err(first), dropped) => {
            dropped.err().into_iter().for_each(|second| second.swallow());
            first.resume()
        }
    }
}

/// Drops the inner value before its end, inside its span, and ends the span. After the end it does nothing.
#[inline]
pub(super) fn drop_early<T, O: Observer>(
    inner: Pin<&mut Option<T>>,
    lifecycle: &mut Lifecycle,
    observer: &mut O,
    exit: Exit,
) {
    // Usually the last poll has dropped the inner value and the span has ended: only that is inlined.
    if inner.is_some() || matches!(lifecycle, Lifecycle::Observed(_)) {
        drop_now(inner, lifecycle, observer, exit);
    }
}

#[inline(never)]
fn drop_now<T, O: Observer>(
    mut inner: Pin<&mut Option<T>>,
    lifecycle: &mut Lifecycle,
    observer: &mut O,
    exit: Exit,
) {
    match lifecycle.take() {
        // It never ran: it is dropped where it was built.
        Lifecycle::Pending(mut pending) => pending.context().enter_poll(|| inner.set(None)),
        Lifecycle::Unobserved(mut context) => context.enter_poll(|| inner.set(None)),
        Lifecycle::Observed(Observed { mut active, recording }) => {
            let mut recording = recording.unwrap_or_default();
            let dropped = active.enter(|node| {
                recording.end_wait(node);
                let dropped = node.around(|| catch(|| inner.set(None)));
                end(node, &mut recording, exit, observer, None);
                dropped
            });
            resume(Ok(()), dropped);
        }
        Lifecycle::Ended => {}
    }
}
