//! Baggage in headers: which enters and leaves, and how it is written.

use allm_telemetry::{
    Context,
    event::{Metadata, Value},
    propagation::Propagation,
    with_baggage,
};
use futures::FutureExt as _;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::{Context as OtelContext, KeyValue};
use opentelemetry_sdk::propagation::BaggagePropagator;
use proptest::prelude::*;

use crate::propagation::{Headers, extract, headers, inject};

#[tokio::test]
async fn baggage_that_is_on_no_list_neither_enters_nor_leaves() {
    let received = headers([("x-request-id", "req-42"), ("baggage", "tenant=acme,user_id=u-1")]);
    for (propagation, expected) in [
        (Propagation::new(), None),
        (Propagation::new().send_baggage(["tenant", "user_id"]), None),
        (Propagation::new().accept_baggage(["tenant", "user_id"]), None),
        (
            Propagation::new().accept_baggage(["tenant", "user_id"]).send_baggage(["tenant"]),
            Some("tenant=acme"),
        ),
    ] {
        let context = extract(&propagation, &received);
        assert_eq!(
            inject(&propagation, &context).get("baggage").map(String::as_str),
            expected,
            "{propagation:?}"
        );
        assert_eq!(propagation.ignored(), 0, "what is on no list is not malformed");
    }
    let here = async { inject(&Propagation::new(), &Context::current()) };
    assert_eq!(with_baggage([("tenant", "acme")], here).await, Headers::new());
}

/// What each of these values becomes in a list of keys `k0`, `k1`, …
fn baggage_of(header: &str) -> (Vec<(String, String)>, u64) {
    let keys = (0..400).map(|n| format!("k{n}"));
    let propagation = Propagation::new().accept_baggage(keys.clone());
    let context = extract(&propagation, &headers([("baggage", header)]));
    let text = |key: &str| match context.baggage(key)? {
        Value::Text(text) => Some(text.to_string()),
        other => panic!("{other:?}"),
    };
    (keys.filter_map(|key| Some((key.clone(), text(&key)?))).collect(), propagation.ignored())
}

#[test]
fn baggage_is_read_as_w3c_defines_it() {
    let one = |value: &str| vec![("k1".to_owned(), value.to_owned())];
    for (header, value) in [
        ("k1=v", "v"),
        (" k1 = v ; ttl=5 ; secret ,", "v"),
        ("k1=v;a=1;b", "v"),
        ("k1=", ""),
        ("k1=a=b==", "a=b=="),
        ("k1=%20%2C%3B%22%5C%25%C3%A9", " ,;\"\\%é"),
        ("k1=%c3%a9", "é"),
        ("k1=%", "%"),
        ("k1=%2", "%2"),
        ("k1=%zz%+1", "%zz%+1"),
        ("k1=%FFa", "\u{fffd}a"),
        ("k1=early,k1=late", "late"),
        (",,k1=v,,", "v"),
        ("k1=\"a\\b\"", "\"a\\b\""),
    ] {
        assert_eq!(baggage_of(header), (one(value), 0), "{header}");
    }
    for malformed in ["k1", "=v", ";", "k 1=v", "k1=two words", "k1=é", "k(1)=v", "k1=a\nb"] {
        assert_eq!(baggage_of(malformed), (vec![], 1), "{malformed}");
        assert_eq!(
            baggage_of(&format!("{malformed},k1=v")),
            (one("v"), 1),
            "the others are read: {malformed}"
        );
    }
}

#[test]
fn baggage_beyond_the_limits_is_ignored_and_counted_in_both_directions() {
    let many = (0..200).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let (read, ignored) = baggage_of(&many);
    assert_eq!((read.len(), ignored), (180, 1));
    let long = format!("k1={},k2={},k3=v", "x".repeat(4_000), "y".repeat(4_185));
    assert_eq!(long.split(",k3").next().unwrap().len(), 8_192);
    let (read, ignored) = baggage_of(&long);
    assert_eq!((read.len(), ignored), (2, 1));

    let keys = || (0..100).map(|n| format!("k{n}"));
    let propagation = Propagation::new().accept_baggage(keys()).send_baggage(keys());
    let context = extract(&propagation, &headers([("baggage", many.as_str())]));
    let sent = inject(&propagation, &context).remove("baggage").unwrap();
    assert_eq!((sent.split(',').count(), propagation.ignored()), (64, 1 + 36));
    let context = extract(&propagation, &headers([("baggage", long.as_str())]));
    assert_eq!(inject(&propagation, &context)["baggage"].len(), 8_192);
}

#[tokio::test]
async fn baggage_is_sent_as_text_and_a_key_that_no_header_can_carry_is_counted() {
    let propagation = Propagation::new().send_baggage(["number", "flag", "none", "two words", "list"]);
    let here = async { inject(&propagation, &Context::current()) };
    let baggage = Metadata::new()
        .with("number", 42)
        .with("flag", true)
        .with("none", Value::Null)
        .with("two words", "x")
        .with("list", vec![1, 2]);
    let sent = with_baggage(baggage, here).await;
    assert_eq!(sent["baggage"], "number=42,flag=true,list=[1%2C2]");
    assert_eq!(propagation.ignored(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn baggage_goes_round_through_opentelemetrys_own_propagator(
        // It trims the values that it reads.
        values in prop::collection::vec("\\PC*".prop_map(|text| text.trim().to_owned()), 1..8),
    ) {
        let keys = || (0..8).map(|n| format!("k{n}"));
        let theirs = BaggagePropagator::new();
        let ours = Propagation::new().accept_baggage(keys()).send_baggage(keys());
        let pairs: Vec<(String, String)> = keys().zip(values).collect();
        let here = async { inject(&ours, &Context::current()) };
        let baggage: Metadata = pairs.iter().cloned().collect();
        let sent = with_baggage(baggage, here).now_or_never().unwrap();
        let back = theirs.extract(&sent);
        for (key, value) in &pairs {
            prop_assert_eq!(back.baggage().get(key).map(|it| it.as_str()), Some(&**value));
        }

        // It does not encode `%`.
        let pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (key, value.replace('%', "").trim().to_owned())).collect();
        let entries = pairs.iter().cloned().map(|(key, value)| KeyValue::new(key, value));
        let mut sent = Headers::new();
        theirs.inject_context(&OtelContext::new().with_baggage(entries), &mut sent);
        let context = extract(&ours, &sent);
        for (key, value) in pairs {
            prop_assert_eq!(context.baggage(&key), Some(&Value::from(value)));
        }
        prop_assert_eq!(ours.ignored(), 0);
    }
}
