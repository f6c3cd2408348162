//! Fields: an ordered map of keys and values, however many there are.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use allm_telemetry::{
    event::{Fields, Metadata, Number, Value},
    prelude::*,
    testing::Capture,
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_key_that_is_set_again_keeps_its_place_and_has_the_last_value(keys in prop::collection::vec(0..200_u64, 0..400)) {
        let mut fields = Fields::<Number>::new();
        let mut expected: Vec<(String, u64)> = Vec::new();
        for (value, key) in keys.into_iter().enumerate() {
            let (key, value) = (format!("key {key}"), value as u64);
            let before = match expected.iter_mut().find(|entry| entry.0 == key) {
                Some(entry) => Some(std::mem::replace(&mut entry.1, value)),
                None => {
                    expected.push((key.clone(), value));
                    None
                }
            };
            prop_assert_eq!(fields.insert(key, value), before.map(Number::from));
        }
        let ours = (&fields).into_iter().map(|(key, value)| (key.to_owned(), value.as_u64().unwrap()));
        prop_assert_eq!(ours.collect::<Vec<_>>(), expected.clone());
        prop_assert!(expected.iter().all(|(key, value)| fields.get(key) == Some(&(*value).into())));
        prop_assert_eq!(fields.get("another"), None);
        prop_assert_eq!(fields.clone(), fields);
    }
}

/// A span whose builder, and whose observer, set this many keys.
fn span_of_keys(count: usize) {
    let keys = |prefix: &str| (0..count).map(|key| format!("{prefix} {key}")).collect::<Vec<_>>();
    let (early, late) = (keys("early"), keys("late"));
    let capture = Capture::new();
    capture.run(|| {
        let span = early.into_iter().fold(Span::chat(), |span, key| span.metadata(key, 1));
        let mut active = span.start();
        active.record(|record| late.into_iter().for_each(|key| record.metadata(key, 2)));
        active.complete();
    });
    let stop = &capture.named("allm.chat.stop")[0];
    let of_user = stop.as_event().metadata_entries().filter(|entry| entry.from_user).count();
    assert_eq!(of_user, 2 * count);
}

#[test]
fn the_cost_of_keys_of_ones_own_is_linear_in_their_number() {
    // A second's work. If each key were searched for one by one, it would be an hour's.
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        span_of_keys(200_000);
        done.send(())
    });
    is_done.recv_timeout(Duration::from_secs(300)).expect("the keys are set in less than five minutes");
}

#[test]
fn equal_fields_have_the_same_entries_in_the_same_order() {
    let fields = |keys: [&'static str; 2]| keys.into_iter().map(|key| (key, 1)).collect::<Metadata>();
    assert_eq!(fields(["a", "b"]), fields(["a", "b"]));
    assert_ne!(fields(["a", "b"]), fields(["b", "a"]));
    assert_ne!(Metadata::from([("a", Value::Null)]), Metadata::new());
}
