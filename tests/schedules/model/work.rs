//! The work inside the spans: who holds whom, who is polled and dropped, and where panics go.

use allm_telemetry::event::Outcome;

use super::Model;
use super::context::Ctx;
use super::span::Live;
use crate::log::Key;
use crate::plan::{Act, Origin};
use crate::program::{Gives, Kind, Shape, Word};

/// One piece of work in its span.
pub(super) struct Work {
    pub(super) name: u8,
    pub(super) kind: Kind,
    pub(super) holder: Holder,
    pub(super) held: Vec<Key>,
    /// Where it was built.
    pub(super) captured: Ctx,
    /// Whether anybody listened when it was built, so that it kept what it was told.
    pub(super) kept: bool,
    pub(super) life: Life,
    /// The context in the scopes inside the span, if there are any.
    pub(super) scoped: Option<Ctx>,
    pub(super) polled: bool,
    /// An opening future has given its stream.
    pub(super) opened: bool,
    pub(super) deadline: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Driver,
    Span(Key),
    /// It is a task's own.
    Task,
    /// On its way from one to another.
    Nobody,
}

pub(super) enum Life {
    /// It has not started.
    Built,
    Unobserved(Ctx),
    Observed(Live),
    Ended,
}

/// What a poll of the work came to, inside its span.
enum Given {
    Pending,
    Item(Word),
    End(Word),
    Fail,
    Panic(&'static str),
}

/// What the poll came to outside.
enum Polled {
    Pending,
    /// There is more to come.
    Item,
    /// The end; dropping what was left may have panicked.
    Ready(Option<&'static str>),
    Panicked(&'static str),
}

/// The rest of the way to the one who acts, and what it does.
type Command<'a> = Option<(&'a [Key], &'a Act)>;

impl Work {
    pub(super) fn is_stream(&self) -> bool {
        self.kind.shape == Shape::Stream || self.opened
    }
}

impl Model {
    /// Polls what somebody holds (the driver and tasks are `None`, and catch what panics); says if a panic goes on.
    pub(super) fn poll_held(
        &mut self,
        holder: Option<Key>,
        key: Key,
        here: Ctx,
        command: Command<'_>,
    ) -> Option<&'static str> {
        let careful = holder.is_none_or(|holder| self.works[&holder].kind.careful);
        let panic = match self.poll(key, here, command) {
            Polled::Pending if self.is_late(key) => self.drop_work(key, false),
            Polled::Pending | Polled::Item => None,
            Polled::Ready(panic) => {
                self.forget(key);
                panic
            }
            Polled::Panicked(panic) => Some(panic),
        };
        if panic.is_some() && careful {
            if self.works.contains_key(&key) {
                self.drop_work(key, false);
            }
            return None;
        }
        panic
    }

    /// `timeout` polls first, then looks at the clock.
    fn is_late(&self, key: Key) -> bool {
        let work = &self.works[&key];
        !work.opened && work.deadline.is_some_and(|deadline| deadline <= self.now)
    }

    fn poll(&mut self, key: Key, here: Ctx, command: Command<'_>) -> Polled {
        self.work(key).polled = true;
        if let Life::Built = self.work(key).life {
            self.first_poll(key, here);
        }
        let inside = self.inside(key);
        let given = match command {
            None => self.poke_held(key, inside),
            Some(([], Act::Give(gives))) => match *gives {
                Gives::Pending => Given::Pending,
                Gives::Item(word) => Given::Item(word),
                Gives::End(word) => Given::End(word),
                Gives::Fail => Given::Fail,
                Gives::Panic => Given::Panic("panic"),
            },
            Some(([], act)) => self.effect(Some(key), inside, act).map_or(Given::Pending, Given::Panic),
            Some(([next, rest @ ..], act)) => self
                .poll_held(Some(key), *next, inside, Some((rest, act)))
                .map_or(Given::Pending, Given::Panic),
        };
        self.react(key, given)
    }

    /// A wake-up without a command: everything inside that was polled before is polled again.
    fn poke_held(&mut self, key: Key, inside: Ctx) -> Given {
        for held in self.work(key).held.clone() {
            if self.work(held).polled
                && let Some(panic) = self.poll_held(Some(key), held, inside, None)
            {
                return Given::Panic(panic);
            }
        }
        Given::Pending
    }

    /// What the span makes of it.
    fn react(&mut self, key: Key, given: Given) -> Polled {
        let work = self.work(key);
        let observed = matches!(work.life, Life::Observed(_));
        let (shape, is_stream, scoped) = (work.kind.shape, work.is_stream(), work.scoped.is_some());
        match given {
            Given::Pending => {
                if is_stream || shape == Shape::Hand {
                    self.pending(key);
                }
                Polled::Pending
            }
            Given::Item(word) => {
                self.chunk(key, word);
                Polled::Item
            }
            Given::Fail if is_stream => {
                self.came(key);
                self.fault(key, "refused", "it was refused");
                Polled::Item
            }
            Given::End(_) if shape == Shape::Open && !is_stream => {
                self.came(key);
                self.work(key).opened = true;
                self.work(key).scoped = None;
                Polled::Item
            }
            Given::Panic(panic) => {
                // What a future or a stream had is dropped in the span, and a second panic says nothing.
                if observed && shape != Shape::Hand {
                    self.drop_held(key, false);
                }
                self.end_panicked(key, panic);
                Polled::Panicked(panic)
            }
            Given::End(_) | Given::Fail => {
                let panic = self.drop_held(key, false);
                match (panic, given) {
                    // By hand and in a scope, it is dropped by code inside the span.
                    (Some(panic), _) if shape == Shape::Hand || scoped => {
                        self.end_panicked(key, panic);
                        return Polled::Panicked(panic);
                    }
                    (_, Given::End(word)) => self.end_well(key, word),
                    _ => {
                        self.came(key);
                        self.fault(key, "refused", "it was refused");
                        self.end(key, Outcome::Completed);
                    }
                }
                Polled::Ready(panic)
            }
        }
    }

    /// Somebody (the driver is `None`) does something that is not about its own life; says if it panicked.
    pub(super) fn effect(&mut self, by: Option<Key>, here: Ctx, act: &Act) -> Option<&'static str> {
        let careful = by.is_none_or(|by| self.works[&by].kind.careful);
        let node = by.unwrap_or(0);
        match *act {
            Act::Attach { handler, to, does } => self.attach(handler, to, does),
            Act::Detach { handler } => self.detach(handler),
            Act::Build { key, kind, deadline, from } => {
                let captured = match from {
                    Origin::Own => here,
                    Origin::Nowhere => Ctx::NONE,
                    Origin::Laden => Ctx::LADEN,
                };
                self.start_work(key, kind, captured, deadline, by);
            }
            Act::Drop(key) => return self.drop_work(key, false).filter(|_| !careful),
            Act::Unwind(key) => drop(self.drop_work(key, true)),
            Act::Spawn { key, context } => {
                self.release(key);
                self.work(key).holder = Holder::Task;
                self.tasks.insert(key, if context { here } else { Ctx::NONE });
                self.fresh.push(key);
            }
            Act::Take(key) => {
                self.release(key);
                self.moved = Some(key);
            }
            Act::Put => {
                let key = self.moved.take().expect("something was taken");
                self.give(key, by);
                if self.work(key).polled {
                    return self.poll_held(by, key, here, None);
                }
            }
            Act::Look => self.look(node, here),
            Act::Emit => self.note(node, here),
            Act::Retry => self.retry(here),
            Act::Give(_) => unreachable!("only work gives"),
        }
        None
    }

    fn start_work(&mut self, key: Key, kind: Kind, captured: Ctx, deadline: Option<u64>, by: Option<Key>) {
        let name = *self.names.iter().find(|(_, named)| **named == key).expect("it was named").0;
        let kept = self.bystander || self.is_followed(kind.name);
        let work = Work {
            name,
            kind,
            holder: Holder::Nobody,
            held: Vec::new(),
            captured,
            kept,
            life: Life::Built,
            scoped: None,
            polled: false,
            opened: false,
            deadline,
        };
        self.works.insert(key, work);
        // Streams and spans by hand start where they are wrapped.
        if matches!(kind.shape, Shape::Stream | Shape::Hand) {
            self.start(key, captured);
        }
        self.give(key, by);
    }

    fn give(&mut self, key: Key, to: Option<Key>) {
        self.work(key).holder = to.map_or(Holder::Driver, Holder::Span);
        match to {
            Some(to) => self.work(to).held.push(key),
            None => self.outside.push(key),
        }
    }

    /// Takes a span out of the hands of who holds it.
    fn release(&mut self, key: Key) {
        match std::mem::replace(&mut self.work(key).holder, Holder::Nobody) {
            Holder::Driver => self.outside.retain(|held| *held != key),
            Holder::Span(holder) => self.work(holder).held.retain(|held| *held != key),
            Holder::Task => drop(self.tasks.remove(&key)),
            Holder::Nobody => {}
        }
    }

    fn forget(&mut self, key: Key) {
        self.release(key);
        if let Some(work) = self.works.remove(&key) {
            self.names.remove(&work.name);
        }
    }

    /// Drops a span from outside; says if that panics.
    pub(super) fn drop_work(&mut self, key: Key, unwinding: bool) -> Option<&'static str> {
        let panic = self.drop_held(key, unwinding);
        let work = self.work(key);
        let by_hand = work.kind.shape == Shape::Hand;
        match (&work.life, panic) {
            (Life::Observed(_), Some(panic)) if by_hand => self.end_panicked(key, panic),
            (Life::Observed(_), _) if by_hand && unwinding => {
                self.end_panicked(key, "the thread panicked while the span was active");
            }
            (Life::Observed(_), _) => self.end_dropped(key),
            _ => {}
        }
        self.forget(key);
        panic
    }

    /// Drops the work, and what it holds before it.
    fn drop_held(&mut self, key: Key, unwinding: bool) -> Option<&'static str> {
        let mut panic = None;
        while let Some(held) = self.work(key).held.first().copied() {
            panic = self.drop_work(held, unwinding).or(panic);
        }
        let bomb = std::mem::take(&mut self.work(key).kind.bomb);
        if bomb && !unwinding { Some("bomb") } else { panic }
    }

    pub(super) fn work(&mut self, key: Key) -> &mut Work {
        self.works.get_mut(&key).expect("a span that is there")
    }
}
