//! A tokio task that has one span.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use super::actor::{Hands, Held};
use super::witness::on;
use super::world::{COMMAND, Time, World};
use crate::log::Key;

struct Task {
    key: Key,
    world: Arc<World>,
    hands: Option<Hands>,
    started: bool,
}

/// Gives a span to a task of its own, with the context of who does it, or without one.
pub(super) fn spawn(world: &Arc<World>, key: Key, held: Held, context: bool) {
    let mut hands = Hands::new(true);
    hands.push(held);
    let task = Task { key, world: world.clone(), hands: Some(hands), started: false };
    world.begin();
    // The waker of who held it is none of its own.
    world.shared().wakers.remove(&key);
    let task = if context { allm_telemetry::spawn(task) } else { tokio::spawn(task) };
    world.shared().tasks.insert(key, task.abort_handle());
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let Self { key, world, hands, started } = &mut *self;
        let Some(hands) = hands else { return Poll::Ready(()) };
        on(*key, || {
            if !*started {
                *started = true;
                hands.poll(*key, cx);
                world.done();
            } else if matches!(world.time, Time::Paused { .. }) && !world.has_mail(*key) {
                // Nobody told it anything: a time limit has passed.
                hands.poll(*key, cx);
            }
            while let Some(command) = world.next(*key) {
                match command {
                    None => _ = hands.poll(*key, cx),
                    Some(command) => hands.act(*key, world, command, cx),
                }
                debug_assert!(COMMAND.with_borrow(Option::is_none));
                world.done();
            }
        });
        if hands.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let Some(hands) = self.hands.take() else { return };
        let aborted = !hands.is_empty();
        let world = self.world.clone();
        on(self.key, || {
            let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(hands)));
            drop(dropped);
        });
        if aborted {
            world.done();
        }
    }
}
