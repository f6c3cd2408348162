//! A program: a tree of futures and streams, each with a script.

use std::sync::Arc;

use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) script: Vec<Op>,
    pub(crate) end: End,
    /// Whether what is wrapped panics when it is dropped.
    pub(crate) drop_panics: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A future in a span.
    Future,
    /// A stream in a span.
    Stream,
    /// A future that opens the stream, both in one span. `Ok` opens it.
    Opening { script: Vec<Op>, end: End },
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Pending once.
    Pending,
    /// A stream's item, Ok or Err. A future has none and goes on.
    Item(bool),
    /// Builds a child and polls it at most so often, then drops it. A panic of it is caught here, or goes on.
    Run { child: Arc<Node>, polls: u8, caught: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Ok,
    /// A future is ready with Err; a stream yields Err and ends.
    Err,
    Panic,
}

fn ends() -> impl Strategy<Value = End> + Clone {
    prop_oneof![5 => Just(End::Ok), 2 => Just(End::Err), 2 => Just(End::Panic)]
}

fn small_ops() -> impl Strategy<Value = Op> + Clone {
    prop_oneof![3 => Just(Op::Pending), 3 => Just(Op::Item(true)), 1 => Just(Op::Item(false))]
}

fn node(ops: impl Strategy<Value = Op> + Clone + 'static) -> impl Strategy<Value = Node> {
    let script = prop::collection::vec(ops, 0..5);
    let opening = (script.clone(), ends()).prop_map(|(script, end)| Kind::Opening { script, end });
    let kinds = prop_oneof![Just(Kind::Future), Just(Kind::Stream), opening];
    (kinds, script, ends(), prop::bool::weighted(0.15)).prop_map(|(kind, script, end, drop_panics)| Node {
        id: 0,
        kind,
        script,
        end,
        drop_panics,
    })
}

fn run(child: impl Strategy<Value = Node>) -> impl Strategy<Value = Op> {
    (child, 0_u8..8, prop::bool::weighted(0.3)).prop_map(|(child, polls, caught)| Op::Run {
        child: Arc::new(child),
        polls,
        caught,
    })
}

/// A program's root is a future in no span.
pub(crate) fn programs() -> impl Strategy<Value = Node> {
    let nodes = node(small_ops()).prop_recursive(3, 24, 3, |inner| {
        let inner = inner.boxed();
        node(prop_oneof![3 => small_ops().boxed(), 2 => run(inner).boxed()])
    });
    let script = prop::collection::vec(prop_oneof![1 => small_ops().boxed(), 4 => run(nodes).boxed()], 1..4);
    script.prop_map(|script| {
        let mut root = Node { id: 0, kind: Kind::Future, script, end: End::Ok, drop_panics: false };
        name(&mut root, &mut 0);
        root
    })
}

fn name(node: &mut Node, next: &mut u64) {
    node.id = *next;
    *next += 1;
    name_all(&mut node.script, next);
    if let Kind::Opening { script, .. } = &mut node.kind {
        name_all(script, next);
    }
}

fn name_all(script: &mut [Op], next: &mut u64) {
    for op in script {
        if let Op::Run { child, .. } = op {
            let mut named = (**child).clone();
            name(&mut named, next);
            *child = Arc::new(named);
        }
    }
}
