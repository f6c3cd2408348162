//! What spans take from those around them, under the names of conventions: sessions, agents and baggage.

use allm_telemetry::{Policy, convention::Convention, event::OwnedEvent, prelude::*};

use crate::measured::measured;
use crate::shown::{events, shown};

/// A call in a step of a chat.
fn call_in(chat: impl FnOnce() -> Span) -> Vec<OwnedEvent> {
    let mut call = events(|| {
        let mut chat = chat().start();
        chat.enter(|| {
            let mut step = Span::step().start();
            step.enter(|| Span::generate().engine("openai").model("gpt-5").start().complete());
            step.complete();
        });
        chat.complete();
    });
    call.retain(|event| event.as_event().span() == Some(SpanName::Generate));
    assert_eq!(call.len(), 2);
    call
}

#[test]
fn the_sessions_and_agents_of_both_conventions_stand_on_the_call() {
    let call = call_in(|| Span::chat().conversation_id("c-1").agent_name("weekend"));
    let said = shown(&Convention::new(), &call).all();
    for line in ["gen_ai.conversation.id = c-1", "gen_ai.agent.name = weekend", "session.id = c-1"] {
        assert!(said.contains(line), "no {line} in {said:?}");
    }
}

#[test]
fn baggage_leaves_only_if_the_policy_names_it_and_is_a_label_only_if_it_is_listed() {
    let call = call_in(|| Span::chat().baggage("user_id", "u-1").baggage("tenant", "acme"));
    let said = |convention: &Convention| {
        let attributes = shown(convention, &call).all().into_iter();
        let mut said: Vec<String> = attributes.chain(measured(convention, &call)).collect();
        said.retain(|line| line.contains("u-1") || line.contains("acme"));
        said
    };
    assert_eq!(said(&Convention::new()), [""; 0]);
    let named = Convention::new().policy(Policy::new().user_keys(["user_id"]));
    assert_eq!(said(&named), ["user_id = u-1"]);
    let times = shown(&named, &call).typed.iter().filter(|(key, _)| key == "user_id").count();
    assert_eq!(times, 1, "the end does not repeat what the start has");
    let listed = said(&Convention::new().labels(["tenant"]));
    assert!(!listed.is_empty());
    assert!(listed.iter().all(|line| line.contains("tenant=acme") && !line.contains("u-1")), "{listed:?}");
}

#[test]
fn baggage_has_as_many_values_in_labels_as_every_other_key() {
    let convention = Convention::new().labels(["user_id"]).max_values(2);
    let measured = |user: u8| measured(&convention, &call_in(|| Span::chat().baggage("user_id", user)));
    let mut lines = (0..4).flat_map(measured).collect::<Vec<_>>();
    lines.retain(|line| line.starts_with("gen_ai.client.operation.duration"));
    let user = |line: &String| Some(line.split("user_id=").nth(1)?.split([' ', '}']).next()?.to_owned());
    let users: Vec<_> = lines.iter().filter_map(user).collect();
    assert_eq!(users, ["0", "1", "_OTHER", "_OTHER"]);
}
