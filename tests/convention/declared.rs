//! Measurements of the user's own as instruments.

use allm_telemetry::{
    convention::{Convention, InstrumentKind},
    event::OwnedEvent,
    prelude::*,
};

use crate::measured::measured;
use crate::shown::events;

fn call(fee: f64) -> Vec<OwnedEvent> {
    events(|| {
        let mut span = Span::generate().provider("openai").model("gpt-5").metadata("tenant", "acme").start();
        span.record(|record| record.measurement("gateway_fee", fee));
        span.complete();
    })
}

/// The measurements on declared instruments.
fn declared(convention: &Convention, events: &[OwnedEvent]) -> Vec<String> {
    measured(convention, events).into_iter().filter(|line| line.starts_with("gateway")).collect()
}

const LABELS: &str = "gen_ai.operation.name=chat gen_ai.provider.name=openai gen_ai.request.model=gpt-5";

#[test]
fn a_measurement_of_the_users_own_is_measured_only_when_it_is_declared() {
    assert!(declared(&Convention::new(), &call(0.25)).is_empty());
    let counter = Convention::new().counter("gateway_fee", "USD");
    assert_eq!(declared(&counter, &call(0.25)), [format!("gateway_fee 0.25 {{{LABELS}}}")]);
    let histogram = Convention::new().histogram("gateway_fee", "USD", &[0.1, 1.0][..]);
    assert_eq!(declared(&histogram, &call(0.25)), [format!("gateway_fee 0.25 {{{LABELS}}}")]);
}

#[test]
fn a_declared_instrument_has_the_labels_of_the_users_own() {
    let convention = Convention::new().counter("gateway_fee", "USD").labels(["tenant"]);
    assert_eq!(declared(&convention, &call(0.25)), [format!("gateway_fee 0.25 {{{LABELS} tenant=acme}}")]);
}

#[test]
fn a_value_that_cannot_be_added_up_is_left_out() {
    let counter = Convention::new().counter("gateway_fee", "USD");
    let histogram = Convention::new().histogram("gateway_fee", "USD", &[0.1, 1.0][..]);
    for value in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(declared(&counter, &call(value)).is_empty(), "{value}");
    }
    assert!(declared(&histogram, &call(f64::NAN)).is_empty());
    assert_eq!(declared(&histogram, &call(-1.0)).len(), 1);
}

#[test]
fn a_second_declaration_of_a_name_replaces_the_first() {
    let convention =
        Convention::new().counter("gateway_fee", "USD").histogram("gateway_fee", "USD", &[0.1, 1.0][..]);
    let kinds: Vec<_> = convention
        .instruments()
        .iter()
        .filter(|it| it.name == "gateway_fee")
        .map(|it| it.kind.clone())
        .collect();
    assert_eq!(kinds, [InstrumentKind::Histogram(vec![0.1, 1.0].into())]);
}

#[test]
fn an_instrument_of_the_profile_is_not_replaced_by_a_declared_one() {
    let name = "gen_ai.client.operation.duration";
    let convention = Convention::new().counter(name, "USD");
    let kinds: Vec<_> =
        convention.instruments().iter().filter(|it| it.name == name).map(|it| &it.kind).collect();
    assert!(matches!(kinds[..], [InstrumentKind::Histogram(_)]), "{kinds:?}");
}

#[test]
fn a_name_that_opentelemetry_does_not_allow_is_made_one() {
    let convention = Convention::new().counter("gateway fee/€", "EUR");
    assert!(convention.instruments().iter().any(|it| it.name == "gateway_fee/_"));
}
