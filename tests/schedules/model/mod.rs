//! The reference: what the crate promises of spans, for one thread and without a future, a task-local or an atomic.
//!
//! [`run`] takes a program apart into the steps that mean something, and says what handlers must see.

mod context;
mod handlers;
mod listeners;
mod span;
mod work;

use std::collections::{BTreeMap, HashMap, HashSet};

use context::{Ctx, Frame, Handle};
use handlers::Attached;
use work::{Holder, Work};

use crate::log::{Entry, Key};
use crate::plan::{Act, Origin, Step};
use crate::program::{DRIVER, Gives, LADEN, LOAD, NOWHERE, Op, Program, Shape};

/// What a program comes to.
pub(crate) struct Expected {
    pub(crate) plan: Vec<Step>,
    pub(crate) log: Vec<Entry>,
    /// How many of its operations meant something.
    pub(crate) effective: usize,
}

pub(crate) fn run(program: &Program) -> Expected {
    let mut model = Model::new(program.bystander);
    let mut effective = 0;
    for op in &program.ops {
        let before = model.plan.len();
        model.op(*op);
        effective += usize::from(model.plan.len() > before);
    }
    model.close();
    Expected { plan: model.plan, log: model.log, effective }
}

struct Model {
    plan: Vec<Step>,
    log: Vec<Entry>,
    bystander: bool,
    /// Milliseconds since the program began.
    now: u64,
    /// The task that runs.
    on: Key,
    handlers: Vec<Attached>,
    attached: u64,
    frames: Vec<Frame>,
    requests: u64,
    works: BTreeMap<Key, Work>,
    /// The spans that are there, by their names in the program.
    names: HashMap<u8, Key>,
    next_key: Key,
    /// What the driver holds.
    outside: Vec<Key>,
    /// The context that each task was given, by the span that it was given.
    tasks: BTreeMap<Key, Ctx>,
    /// Tasks that nobody has polled yet.
    fresh: Vec<Key>,
    moved: Option<Key>,
    /// Deadlines are all different, so that it is no matter of luck which passes first.
    deadlines: HashSet<u64>,
}

impl Model {
    fn new(bystander: bool) -> Self {
        Self {
            plan: Vec::new(),
            log: Vec::new(),
            bystander,
            now: 0,
            on: 0,
            handlers: Vec::new(),
            attached: 0,
            frames: vec![
                Frame::scope(Ctx::NONE, Handle::Ours, None),
                Frame::scope(Ctx::SCOPE, Handle::Ours, None).with_baggage(Some(LOAD)),
            ],
            requests: 0,
            works: BTreeMap::new(),
            names: HashMap::new(),
            next_key: 1,
            outside: Vec::new(),
            tasks: BTreeMap::new(),
            fresh: Vec::new(),
            moved: None,
            deadlines: HashSet::new(),
        }
    }

    fn op(&mut self, op: Op) {
        match op {
            Op::Attach { at, handler, to, does } => self.act(at, Act::Attach { handler, to, does }),
            Op::Detach { at, handler } => self.act(at, Act::Detach { handler }),
            Op::Wait(ms) => (0..ms).for_each(|_| self.tick()),
            Op::Build { at, span, kind } => self.build(at, span, kind),
            Op::Poll(span, gives) => {
                if let Some(key) = self.key(span) {
                    self.act_in(key, Act::Give(self.possible(key, gives)));
                }
            }
            Op::Drop(span) => self.by_holder(span, Act::Drop),
            Op::Unwind(span) => self.by_holder(span, Act::Unwind),
            Op::Spawn { span, context } => self.by_holder(span, |key| Act::Spawn { key, context }),
            Op::Abort(span) => {
                if let Some(task) = self.key(span).filter(|key| self.tasks.contains_key(key)) {
                    self.abort(task);
                }
            }
            Op::Move { span, to } => self.hand_on(span, to),
            Op::Look(at) => self.act(at, Act::Look),
            Op::Emit(at) => self.act(at, Act::Emit),
            Op::Retry(at) => self.act(at, Act::Retry),
        }
    }

    fn key(&self, span: u8) -> Option<Key> {
        self.names.get(&span).copied()
    }

    /// What work can give that cannot give this: a future has no items, and one that cannot fail has no `Err`.
    fn possible(&self, key: Key, gives: Gives) -> Gives {
        let work = &self.works[&key];
        match gives {
            Gives::Item(_) if !work.is_stream() && work.kind.shape != Shape::Hand => Gives::Pending,
            Gives::Fail if work.kind.shape == Shape::Plain => Gives::Pending,
            other => other,
        }
    }

    fn build(&mut self, at: u8, span: u8, mut kind: crate::program::Kind) {
        let is_name = ![DRIVER, NOWHERE, LADEN].contains(&span);
        if !is_name || self.names.contains_key(&span) {
            return;
        }
        if matches!(kind.shape, Shape::Stream | Shape::Hand) {
            kind.limit = None;
        }
        let deadline = kind.limit.map(|ms| {
            let mut deadline = self.now + u64::from(ms.max(1));
            while !self.deadlines.insert(deadline) {
                deadline += 1;
            }
            deadline
        });
        let key = self.next_key;
        let (from, at) = match at {
            NOWHERE => (Origin::Nowhere, DRIVER),
            LADEN => (Origin::Laden, DRIVER),
            at => (Origin::Own, at),
        };
        if at == DRIVER || self.names.contains_key(&at) {
            self.next_key += 1;
            self.names.insert(span, key);
            self.act(at, Act::Build { key, kind, deadline, from });
        }
    }

    /// Whoever holds the span does something with it. A task's own span is nobody's.
    fn by_holder(&mut self, span: u8, act: impl FnOnce(Key) -> Act) {
        let Some(key) = self.key(span) else { return };
        match self.works[&key].holder {
            Holder::Driver => self.act(DRIVER, act(key)),
            Holder::Span(holder) => self.act_in(holder, act(key)),
            Holder::Task | Holder::Nobody => {}
        }
    }

    fn hand_on(&mut self, span: u8, to: u8) {
        let Some(key) = self.key(span) else { return };
        let target = self.key(to);
        let holder = self.works[&key].holder;
        let own = target.is_some_and(|target| self.way(target).1.contains(&key));
        let same = holder == target.map_or(Holder::Driver, Holder::Span);
        if (to != DRIVER && target.is_none()) || own || same || holder == Holder::Task {
            return;
        }
        self.by_holder(span, Act::Take);
        // On the way, a time limit may have ended who was to get it.
        self.act(if self.names.contains_key(&to) { to } else { DRIVER }, Act::Put);
    }

    fn act(&mut self, at: u8, act: Act) {
        match self.key(at) {
            Some(key) => self.act_in(key, act),
            None if at == DRIVER => {
                self.plan.push(Step::Do { task: 0, path: Vec::new(), act: act.clone() });
                self.on = 0;
                self.effect(None, Ctx::SCOPE, &act);
                self.poll_fresh();
            }
            None => {}
        }
    }

    fn act_in(&mut self, key: Key, act: Act) {
        let (task, path) = self.way(key);
        self.plan.push(Step::Do { task, path: path.clone(), act: act.clone() });
        self.on = task;
        self.poll_held(None, path[0], self.context_of(task), Some((&path[1..], &act)));
        self.poll_fresh();
    }

    /// The task that the span is in, and the way to it from the task's own span, or from what the driver holds.
    fn way(&self, key: Key) -> (Key, Vec<Key>) {
        let mut path = vec![key];
        loop {
            match self.works[&path[0]].holder {
                Holder::Span(holder) => path.insert(0, holder),
                Holder::Task => return (path[0], path),
                Holder::Driver | Holder::Nobody => return (0, path),
            }
        }
    }

    fn context_of(&self, task: Key) -> Ctx {
        self.tasks.get(&task).copied().unwrap_or(Ctx::SCOPE)
    }

    /// A task that was spawned is polled when who spawned it is done.
    fn poll_fresh(&mut self) {
        for task in std::mem::take(&mut self.fresh) {
            self.on = task;
            self.poll_held(None, task, self.context_of(task), None);
        }
    }

    fn tick(&mut self) {
        self.now += 1;
        self.plan.push(Step::Tick);
        let due = |(key, work): (&Key, &Work)| {
            (work.deadline == Some(self.now) && work.polled && !work.opened).then_some(*key)
        };
        let Some(key) = self.works.iter().find_map(due) else { return };
        let (task, path) = self.way(key);
        self.plan.push(Step::Poke { task, root: path[0] });
        self.on = task;
        self.poll_held(None, path[0], self.context_of(task), None);
    }

    fn abort(&mut self, task: Key) {
        self.plan.push(Step::Abort { task });
        self.on = task;
        self.drop_work(task, false);
    }

    /// The end of a program: what is there is dropped, then aborted.
    fn close(&mut self) {
        while let Some(key) = self.outside.first().copied() {
            self.act(DRIVER, Act::Drop(key));
        }
        while let Some(task) = self.tasks.keys().next().copied() {
            self.abort(task);
        }
    }
}
