//! The work inside a span: polled, it does what it is told, or hands that on to what it holds.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::Context as TaskContext;
use std::thread;

use allm_telemetry::{
    adapter_retry,
    event::{Measurements, Metadata},
};

use super::task::spawn;
use super::witness::attach;
use super::world::{COMMAND, Command, World};
use super::worn::{Told, Worn, wear};
use crate::log::Key;
use crate::plan::Act;
use crate::program::{Gives, Word};

type Panic = Box<dyn Any + Send>;

/// What the work in a span is: a future's, a stream's, or code's.
pub(super) struct Actor {
    pub(super) key: Key,
    pub(super) world: Arc<World>,
    // In this order: what it holds is dropped first.
    hands: Hands,
    _bomb: Bomb,
}

/// What a poll of the work comes to.
pub(super) enum Given {
    Pending,
    Item(Word),
    End(Word),
    Fail,
}

/// Panics when it is dropped, unless the thread unwinds already.
struct Bomb(bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 && !thread::panicking() {
            resume_unwind(Box::new("bomb"));
        }
    }
}

impl Actor {
    pub(super) fn new(key: Key, world: Arc<World>, careful: bool, bomb: bool) -> Self {
        Self { key, world, hands: Hands::new(careful), _bomb: Bomb(bomb) }
    }

    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> Given {
        self.world.shared().wakers.insert(self.key, cx.waker().clone());
        match COMMAND.take() {
            None => self.hands.poke(cx),
            Some(Command { path, act: Act::Give(gives) }) if path.is_empty() => match gives {
                Gives::Pending => {}
                Gives::Item(word) => return Given::Item(word),
                Gives::End(word) => return Given::End(word),
                Gives::Fail => return Given::Fail,
                Gives::Panic => resume_unwind(Box::new("panic")),
            },
            Some(command) => self.hands.act(self.key, &self.world, command, cx),
        }
        Given::Pending
    }
}

/// A span that somebody holds.
pub(super) struct Held {
    key: Key,
    /// Whether it was polled before.
    polled: bool,
    worn: Box<dyn Worn>,
}

/// What somebody holds; all that is in them when they go is dropped, whoever panics.
pub(super) struct Hands {
    /// Whether panics are caught.
    careful: bool,
    held: Vec<Held>,
}

impl Hands {
    pub(super) fn new(careful: bool) -> Self {
        Self { careful, held: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn push(&mut self, held: Held) {
        self.held.push(held);
    }

    /// Does what a command says, or polls the next on its way.
    pub(super) fn act(
        &mut self,
        by: Key,
        world: &Arc<World>,
        mut command: Command,
        cx: &mut TaskContext<'_>,
    ) {
        match command.path.pop_front() {
            None => self.perform(by, world, command.act, cx),
            Some(next) => {
                COMMAND.set(Some(command));
                if !self.poll(next, cx) {
                    world.witness.wrong("a span on the way is not there");
                }
            }
        }
        if COMMAND.take().is_some() {
            world.witness.wrong("the work inside a span was not polled");
        }
    }

    fn perform(&mut self, by: Key, world: &Arc<World>, act: Act, cx: &mut TaskContext<'_>) {
        match act {
            Act::Attach { handler, to, does } => attach(&world.telemetry, &world.witness, handler, to, does),
            Act::Detach { handler } => drop(world.telemetry.detach(&format!("h{handler}"))),
            Act::Build { key, kind, deadline, .. } => {
                let actor = Actor::new(key, world.clone(), kind.careful, kind.bomb);
                self.push(Held { key, polled: false, worn: wear(actor, kind, deadline) });
            }
            Act::Drop(key) => {
                let gone = self.take(key);
                self.settle(caught(|| drop(gone)).err());
            }
            Act::Unwind(key) => {
                let gone = self.take(key);
                let unwound = caught(|| {
                    let _gone = gone;
                    resume_unwind(Box::new("unwinding"))
                });
                drop(unwound.map(|never: ()| never));
            }
            Act::Spawn { key, context } => {
                if let Some(held) = self.take(key) {
                    spawn(world, key, held, context);
                }
            }
            Act::Take(key) => {
                let held = self.take(key);
                world.shared().moved = held;
            }
            Act::Put => {
                let moved = world.shared().moved.take();
                if let Some(held) = moved {
                    let (key, polled) = (held.key, held.polled);
                    self.push(held);
                    if polled {
                        self.poll(key, cx);
                    }
                }
            }
            Act::Look => world.witness.look(by),
            Act::Emit => {
                let metadata = Metadata::new().with("node", u64::from(by));
                allm_telemetry::execute("note", Measurements::new(), metadata).expect("a name");
            }
            Act::Retry => adapter_retry(1, std::time::Duration::from_millis(1), "again"),
            Act::Give(_) => world.witness.wrong("only work gives"),
        }
    }

    fn take(&mut self, key: Key) -> Option<Held> {
        let place = self.held.iter().position(|held| held.key == key)?;
        Some(self.held.remove(place))
    }

    /// A wake-up: whatever was polled before is polled again.
    pub(super) fn poke(&mut self, cx: &mut TaskContext<'_>) {
        let keys: Vec<_> = self.held.iter().filter(|held| held.polled).map(|held| held.key).collect();
        for key in keys {
            self.poll(key, cx);
        }
    }

    /// Polls one of them; says whether it is there.
    pub(super) fn poll(&mut self, key: Key, cx: &mut TaskContext<'_>) -> bool {
        let Some(held) = self.held.iter_mut().find(|held| held.key == key) else { return false };
        held.polled = true;
        let panic = match caught(|| held.worn.poll(cx)) {
            Ok(Told::Pending | Told::Item) => None,
            Ok(Told::Opened(stream)) => caught(|| held.worn = stream).err(),
            Ok(Told::Ready | Told::Late) => {
                let gone = self.take(key);
                caught(|| drop(gone)).err()
            }
            Err(panic) => {
                if self.careful {
                    let gone = self.take(key);
                    drop(caught(|| drop(gone)));
                }
                Some(panic)
            }
        };
        self.settle(panic);
        true
    }

    fn settle(&self, panic: Option<Panic>) {
        if let (Some(panic), false) = (panic, self.careful) {
            resume_unwind(panic);
        }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        let panics = self.held.drain(..).filter_map(|held| caught(|| drop(held)).err());
        if let Some(panic) = panics.reduce(|_, later| later) {
            resume_unwind(panic);
        }
    }
}

fn caught<R>(work: impl FnOnce() -> R) -> Result<R, Panic> {
    catch_unwind(AssertUnwindSafe(work))
}
