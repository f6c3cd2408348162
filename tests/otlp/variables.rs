//! An environment that a test makes up, and what is sent with it.

use std::ffi::OsString;

use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry::convention::Convention;
use allm_telemetry::testing::Capture;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};

use crate::receiver::Receiver;
use crate::world::*;

pub(crate) type Variables<'a> = &'a [(&'a str, &'a str)];

pub(crate) fn environment(variables: Variables<'_>) -> impl Fn(&str) -> Option<OsString> + Send + 'static {
    let own: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    move |name| Some(own.iter().find(|(known, _)| known == name)?.1.clone().into())
}

/// Sends three calls with these variables; the endpoint is that of the collector.
pub(crate) async fn sent(variables: Variables<'_>) -> World {
    sent_with(variables, |otlp, _| otlp).await
}

pub(crate) async fn sent_with(
    variables: Variables<'_>,
    set_up: impl FnOnce(Otlp, &Receiver) -> Otlp,
) -> World {
    let world = world(variables, set_up);
    world.calls(3).await;
    let report = world.flush().await;
    assert!(report.is_complete(), "{variables:?}: {report}");
    world
}

pub(crate) fn world(variables: Variables<'_>, set_up: impl FnOnce(Otlp, &Receiver) -> Otlp) -> World {
    let receiver = Receiver::start();
    let endpoint = receiver.endpoint();
    let known = ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str());
    let variables: Vec<_> = variables.iter().copied().chain([known]).collect();
    let pipeline = set_up(Otlp::new().environment(environment(&variables)), &receiver).build().unwrap();
    let capture = Capture::new();
    attach(&pipeline, &capture, Convention::new());
    World { capture, receiver, pipeline }
}

pub(crate) fn paths(world: &World) -> Vec<String> {
    let mut paths = world.receiver.look(|all| all.iter().map(|it| it.path.clone()).collect::<Vec<_>>());
    paths.sort();
    paths
}

pub(crate) fn header(world: &World, name: &str) -> Vec<Option<String>> {
    world.receiver.look(|all| {
        let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap().to_owned();
        all.iter().map(|it| it.headers.get(name).map(text)).collect()
    })
}

pub(crate) fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        other => panic!("{key} is {other:?}"),
    }
}
