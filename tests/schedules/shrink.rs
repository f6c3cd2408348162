//! Makes a program that fails as short as it gets: proptest simplifies its operations, and this takes them out.

use crate::program::{Does, Events, Gives, Kind, NO_SCOPES, Op, Program, Shape, Word, future};

/// The shortest program that still fails.
pub(crate) fn shortest(program: Program, fails: impl Fn(&Program) -> bool) -> Program {
    let mut shortest = program;
    loop {
        let before = shortest.clone();
        shortest = without_chunks(shortest, &fails);
        shortest = simpler(shortest, &fails);
        if shortest == before {
            return shortest;
        }
    }
}

/// Takes out as many operations in a row as can be spared, fewer each time.
fn without_chunks(mut program: Program, fails: impl Fn(&Program) -> bool) -> Program {
    let mut size = program.ops.len();
    while size > 0 {
        let mut from = 0;
        while from < program.ops.len() {
            let mut shorter = program.clone();
            shorter.ops.drain(from..(from + size).min(program.ops.len()));
            if fails(&shorter) {
                program = shorter;
            } else {
                from += 1;
            }
        }
        size /= 2;
    }
    program
}

/// Makes each operation simpler if that does not matter.
fn simpler(mut program: Program, fails: impl Fn(&Program) -> bool) -> Program {
    let alone = Program { bystander: false, ..program.clone() };
    if program.bystander && fails(&alone) {
        program = alone;
    }
    for place in 0..program.ops.len() {
        for simpler in simpler_ops(program.ops[place]) {
            let mut changed = program.clone();
            changed.ops[place] = simpler;
            if changed != program && fails(&changed) {
                program = changed;
                break;
            }
        }
    }
    program
}

/// What an operation may be instead, the simplest first.
fn simpler_ops(op: Op) -> Vec<Op> {
    match op {
        Op::Attach { at, handler, .. } => {
            let all = Op::Attach { at: 0, handler, to: Events::All, does: Does::Watches };
            let mut simpler = vec![all];
            if at != 0 {
                simpler.push(with_place(op, 0));
            }
            simpler
        }
        Op::Wait(ms) if ms > 1 => vec![Op::Wait(1), Op::Wait(ms - 1)],
        Op::Build { at, span, kind } => {
            let mut simpler: Vec<_> =
                simpler_kinds(kind).into_iter().map(|kind| Op::Build { at, span, kind }).collect();
            if at != 0 {
                simpler.push(with_place(op, 0));
            }
            simpler
        }
        Op::Poll(span, gives) => {
            let plain = match gives {
                Gives::Item(_) => Gives::Item(Word::Plain),
                Gives::End(_) => Gives::End(Word::Plain),
                other => other,
            };
            vec![Op::Poll(span, Gives::Pending), Op::Poll(span, plain)]
        }
        Op::Unwind(span) | Op::Abort(span) => vec![Op::Drop(span)],
        other => vec![with_place(other, 0)],
    }
}

fn with_place(op: Op, place: u8) -> Op {
    match op {
        Op::Attach { handler, to, does, .. } => Op::Attach { at: place, handler, to, does },
        Op::Detach { handler, .. } => Op::Detach { at: place, handler },
        Op::Build { span, kind, .. } => Op::Build { at: place, span, kind },
        Op::Look(_) => Op::Look(place),
        Op::Emit(_) => Op::Emit(place),
        Op::Retry(_) => Op::Retry(place),
        Op::Move { span, .. } => Op::Move { span, to: place },
        other => other,
    }
}

fn simpler_kinds(kind: Kind) -> Vec<Kind> {
    let plainest = Kind { shape: kind.shape, ..future(kind.name) };
    let mut simpler = vec![
        plainest,
        Kind { request: None, ..kind },
        Kind { baggage: None, ..kind },
        Kind { limit: None, ..kind },
        Kind { expects: false, ..kind },
        Kind { at_end: Word::Plain, ..kind },
        Kind { bomb: false, ..kind },
        Kind { careful: false, ..kind },
        kind.inner(NO_SCOPES),
        kind.outer(NO_SCOPES),
    ];
    for place in 0..NO_SCOPES.len() {
        let (mut inner, mut outer) = (kind.inner, kind.outer);
        (inner[place], outer[place]) = (None, None);
        simpler.extend([kind.inner(inner), kind.outer(outer)]);
    }
    if kind.shape != Shape::Future {
        simpler.push(Kind { shape: Shape::Future, ..kind });
    }
    simpler.retain(|simpler| *simpler != kind);
    simpler
}
