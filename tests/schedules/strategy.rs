//! Random programs.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::program::{
    DRIVER, Does, Events, Gives, Kind, LADEN, NAMES, NOWHERE, Op, Program, Scope, Scopes, Shape, Word, future,
};

/// How many spans have names at a time; few, so that most operations find one.
const SPANS: u8 = 6;
const HANDLERS: u8 = 6;

pub(crate) fn program() -> impl Strategy<Value = Program> {
    // Somebody listens from the start in most programs: a silent one proves little.
    let watch = Op::Attach { at: DRIVER, handler: 0, to: Events::All, does: Does::Watches };
    let follow = select(&NAMES[..]).prop_map(|name| Op::Attach {
        at: DRIVER,
        handler: 1,
        to: Events::Of(name),
        does: Does::Follows,
    });
    let first = (option::weighted(0.7, Just(watch)), option::weighted(0.5, follow));
    (any::<bool>(), first, vec(op(), 60..140)).prop_map(|(bystander, (watch, follow), ops)| Program {
        bystander,
        ops: watch.into_iter().chain(follow).chain(ops).collect(),
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (at(), handler(), events(), does())
            .prop_map(|(at, handler, to, does)| Op::Attach { at, handler, to, does }),
        2 => (at(), handler()).prop_map(|(at, handler)| Op::Detach { at, handler }),
        5 => (1..6_u8).prop_map(Op::Wait),
        20 => (place(), span(), kind()).prop_map(|(at, span, kind)| Op::Build { at, span, kind }),
        30 => (span(), gives()).prop_map(|(span, gives)| Op::Poll(span, gives)),
        4 => span().prop_map(Op::Drop),
        1 => span().prop_map(Op::Unwind),
        5 => (span(), prop::bool::weighted(0.7)).prop_map(|(span, context)| Op::Spawn { span, context }),
        2 => span().prop_map(Op::Abort),
        5 => (span(), at()).prop_map(|(span, to)| Op::Move { span, to }),
        4 => at().prop_map(Op::Look),
        3 => at().prop_map(Op::Emit),
        3 => at().prop_map(Op::Retry),
    ]
}

fn span() -> impl Strategy<Value = u8> {
    1..=SPANS
}

fn at() -> impl Strategy<Value = u8> {
    prop_oneof![1 => Just(DRIVER), 4 => span()]
}

fn place() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(DRIVER), 3 => Just(NOWHERE), 2 => Just(LADEN), 10 => span()]
}

fn handler() -> impl Strategy<Value = u8> {
    0..HANDLERS
}

fn events() -> impl Strategy<Value = Events> {
    use Events::{All, Ends, Failures, FirstChunks, Of, Own, Retries, Starts};
    prop_oneof![
        4 => Just(All),
        3 => select(&NAMES[..]).prop_map(Of),
        5 => select(&[Starts, FirstChunks, Ends, Retries, Failures, Own][..]),
    ]
}

fn does() -> impl Strategy<Value = Does> {
    prop_oneof![
        5 => Just(Does::Watches),
        2 => Just(Does::Panics),
        1 => handler().prop_map(Does::Attaches),
        1 => handler().prop_map(Does::Detaches),
        1 => Just(Does::Emits),
        3 => Just(Does::Follows),
    ]
}

fn gives() -> impl Strategy<Value = Gives> {
    prop_oneof![
        8 => Just(Gives::Pending),
        12 => word().prop_map(Gives::Item),
        5 => word().prop_map(Gives::End),
        2 => Just(Gives::Fail),
        1 => Just(Gives::Panic),
    ]
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        6 => Just(Word::Plain),
        2 => Just(Word::Empty),
        2 => Just(Word::Usage),
        1 => Just(Word::Finish),
        1 => Just(Word::Last),
        1 => Just(Word::Bad),
        1 => Just(Word::Bomb),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    let shape = select(&[Shape::Future, Shape::Plain, Shape::Stream, Shape::Open, Shape::Hand][..]);
    let request = option::weighted(0.1, 1..3_u8);
    let baggage = option::weighted(0.15, 1..5_u8);
    let limit = option::weighted(0.4, 1..12_u8);
    let flags = (prop::bool::weighted(0.08), prop::bool::weighted(0.4), prop::bool::weighted(0.3));
    (shape, select(&NAMES[..]), (request, baggage), limit, word(), flags, (scopes(), scopes())).prop_map(
        |(shape, name, (request, baggage), limit, at_end, (bomb, careful, expects), (inner, outer))| {
            let kind =
                Kind { shape, request, baggage, limit, expects, at_end, bomb, careful, ..future(name) };
            if kind.is_future() { kind.inner(inner).outer(outer) } else { kind }
        },
    )
}

fn scopes() -> impl Strategy<Value = Scopes> {
    let scope = || {
        option::weighted(
            0.15,
            prop_oneof![
                3 => (1..3_u8).prop_map(Scope::Given),
                3 => (1..5_u8).prop_map(Scope::Baggage),
                3 => Just(Scope::Ours),
                1 => Just(Scope::Theirs),
                3 => Just(Scope::Carried),
            ],
        )
    };
    [scope(), scope(), scope()]
}
