//! Programs that once failed, as they were printed. Paste the next one here.

use allm_telemetry::SpanName::*;

use crate::check;
use crate::program::{Does::*, Events::*, Gives::*, Op::*, Word::*, *};

/// Whether anybody may have the text was asked at the start only.
#[test]
fn a_handler_that_comes_late_gets_the_text_of_an_error_told_by_hand() {
    check(&Program {
        bystander: false,
        ops: vec![
            Attach { at: 0, handler: 0, to: Starts, does: Watches },
            Build { at: 0, span: 3, kind: hand(Generate) },
            Attach { at: 0, handler: 1, to: All, does: Watches },
            Poll(3, Fail),
        ],
    });
}

/// The same, told by an observer of chunks, and the handler is attached by another.
#[test]
fn a_handler_that_comes_late_gets_the_text_of_an_error_in_a_chunk() {
    check(&Program {
        bystander: false,
        ops: vec![
            Attach { at: 0, handler: 0, to: FirstChunks, does: Attaches(1) },
            Build { at: 0, span: 1, kind: stream(Generate) },
            Poll(1, Item(Plain)),
            Poll(1, Item(Bad)),
        ],
    });
}

/// A span by hand was silent once code that recorded had panicked, and so was its `error`.
#[test]
fn an_error_told_by_hand_is_an_error_though_its_recorder_panicked_before() {
    check(&Program {
        bystander: false,
        ops: vec![
            Attach { at: 0, handler: 0, to: All, does: Watches },
            Build { at: 0, span: 6, kind: hand(Generate) },
            Poll(6, Item(Bomb)),
            Poll(6, Fail),
        ],
    });
}

/// A bit of everything that the printed form can say.
#[test]
fn a_tree_of_tasks_under_time_limits_and_bombs() {
    check(&Program {
        bystander: true,
        ops: vec![
            Attach { at: DRIVER, handler: 0, to: All, does: Watches },
            Attach { at: DRIVER, handler: 1, to: Of(Tool), does: Panics },
            Build { at: NOWHERE, span: 1, kind: plain(Chat).request(1).baggage(1).careful() },
            Build { at: 1, span: 2, kind: open(Stream).limit(3).expects().at_end(Usage) },
            Build { at: 2, span: 3, kind: future(Tool).bomb() },
            Poll(2, End(Plain)),
            Spawn { span: 2, context: true },
            Poll(3, Pending),
            Wait(2),
            Retry(3),
            Move { span: 3, to: 1 },
            Poll(2, Item(Bomb)),
            Unwind(3),
            Abort(2),
        ],
    });
}

/// A given request id inside a request that nobody observed hid that it was inside.
#[test]
fn a_span_with_a_given_id_is_inside_the_unobserved_request_around_it() {
    check(&Program {
        bystander: false,
        ops: vec![
            Build { at: 0, span: 2, kind: future(Generate) },
            Build { at: 2, span: 6, kind: future(Generate).request(1) },
            Build { at: 2, span: 3, kind: future(Stream) },
            Move { span: 3, to: 6 },
            Look(3),
        ],
    });
    check(&Program {
        bystander: false,
        ops: vec![
            Build { at: 0, span: 4, kind: future(Generate) },
            Build { at: 4, span: 5, kind: future(Generate).request(1) },
            Attach { at: 0, handler: 0, to: All, does: Watches },
            Build { at: 4, span: 1, kind: future(Generate) },
            Move { span: 1, to: 5 },
            Poll(1, Pending),
        ],
    });
}

/// A listener hears of a retry in a span that it does not follow, inside one that it does, until it is detached.
#[test]
fn a_listener_of_one_span_hears_of_a_retry_further_in() {
    check(&Program {
        bystander: false,
        ops: vec![
            Attach { at: DRIVER, handler: 0, to: All, does: Watches },
            Attach { at: DRIVER, handler: 1, to: Of(Chat), does: Follows },
            Build { at: DRIVER, span: 1, kind: future(Chat) },
            Build { at: 1, span: 2, kind: future(Tool) },
            Poll(2, Pending),
            Retry(2),
            Look(2),
            Spawn { span: 2, context: true },
            Retry(2),
            Detach { at: 2, handler: 1 },
            Retry(2),
            Look(2),
            Poll(1, End(Plain)),
        ],
    });
}

/// A listener that is detached in a poll is around it to its end.
#[test]
fn a_listener_that_is_detached_by_a_start_leaves_when_that_poll_ends() {
    check(&Program {
        bystander: false,
        ops: vec![
            Attach { at: 0, handler: 1, to: Starts, does: Follows },
            Build { at: 0, span: 6, kind: future(Generate) },
            Attach { at: 0, handler: 2, to: Of(Chat), does: Detaches(1) },
            Build { at: 6, span: 3, kind: future(Chat) },
            Look(3),
        ],
    });
}

/// The state of a span around had come before that of a listener that was attached first.
#[test]
fn listeners_are_told_in_the_order_of_attaching_whoever_follows_the_span_around() {
    check(&Program {
        bystander: false,
        ops: vec![
            Attach { at: 0, handler: 1, to: Of(Stream), does: Follows },
            Attach { at: 0, handler: 2, to: Starts, does: Follows },
            Build { at: 0, span: 2, kind: future(Chat) },
            Build { at: 2, span: 4, kind: stream(Stream) },
            Poll(4, Item(Plain)),
        ],
    });
}

/// The last in the order is gone: the first was left before the poll ran.
#[test]
fn a_listener_is_around_what_one_that_was_detached_would_have_been_inside_of() {
    check(&Program {
        bystander: false,
        ops: vec![
            Attach { at: 0, handler: 1, to: All, does: Follows },
            Attach { at: 0, handler: 3, to: All, does: Follows },
            Build { at: 0, span: 3, kind: future(Generate) },
            Look(3),
            Detach { at: 0, handler: 3 },
            Look(3),
        ],
    });
}

/// Baggage without a request is a place as well: it was lost in a request elsewhere when only requests were.
#[test]
fn what_was_built_with_baggage_outside_of_requests_keeps_it_in_a_request_elsewhere() {
    check(&Program {
        bystander: false,
        ops: vec![
            Attach { at: DRIVER, handler: 0, to: All, does: Watches },
            Build { at: DRIVER, span: 5, kind: future(Generate) },
            Build { at: LADEN, span: 4, kind: future(Generate) },
            Move { span: 4, to: 5 },
            Poll(4, Pending),
            Look(4),
        ],
    });
}

/// The driver's baggage was in another scope of the handle than the driver, though not in the model.
#[test]
fn what_was_built_with_baggage_is_inside_the_scope_of_the_driver() {
    check(&Program {
        bystander: false,
        ops: vec![
            Attach { at: DRIVER, handler: 0, to: All, does: Watches },
            Build { at: DRIVER, span: 3, kind: future(Generate) },
            Build { at: LADEN, span: 5, kind: future(Generate).inner([None, Some(Scope::Theirs), None]) },
            Move { span: 3, to: 5 },
            Poll(3, Pending),
        ],
    });
}
