//! The optional start keys take what clients have: a number of any width, a text that is borrowed or owned, and `None`.

use std::borrow::Cow;
use std::future::ready;

use crate::support::*;
use allm_telemetry::{
    SpanName,
    event::{OPTIONAL_START_KEYS, Value},
    prelude::*,
    testing::Capture,
};

/// The optional start keys that the span has, with their values.
async fn keys_of(build: impl FnOnce() -> Span) -> Vec<(String, Value)> {
    let capture = Capture::new();
    capture.scope(async { ready(()).in_span_infallible(build()).await }).await;
    let stop = end_of(&capture, SpanName::Generate);
    let entries = stop.as_event().metadata_entries();
    let optional = entries.filter(|entry| OPTIONAL_START_KEYS.contains(&entry.key));
    optional.map(|entry| (entry.key.to_owned(), entry.value.to_value())).collect()
}

fn expected<const N: usize>(keys: [(&str, Value); N]) -> Vec<(String, Value)> {
    keys.map(|(key, value)| (key.to_owned(), value)).into()
}

#[tokio::test]
async fn request_parameters_take_a_number_of_any_width_and_an_option() {
    let given = keys_of(|| {
        Span::generate()
            .temperature(Some(0.7_f32))
            .top_p(0.9)
            .top_k(40_u16)
            .max_tokens(Some(512_u32))
            .seed(u64::MAX)
            .frequency_penalty(1_i8)
            .presence_penalty(Some(Some(-0.1_f32)))
            .server_port(Some(443_u16))
            .stop_sequences(Some(vec!["END".to_owned()]))
    });
    let all = expected([
        ("temperature", 0.7.into()),
        ("top_p", 0.9.into()),
        ("top_k", 40.into()),
        ("max_tokens", 512.into()),
        ("seed", u64::MAX.into()),
        ("frequency_penalty", 1.into()),
        ("presence_penalty", (-0.1).into()),
        ("server_port", 443.into()),
        ("stop_sequences", vec!["END"].into()),
    ]);
    assert_eq!(given.await, all);
}

#[tokio::test]
async fn a_text_is_borrowed_or_owned_or_an_option() {
    let (model, conversation) = (String::from("gpt-5"), Some(String::from("conv_1")));
    let given = keys_of(|| {
        Span::generate()
            .model(&model)
            .engine(Some("rig"))
            .provider(Some(String::from("azure")))
            .agent_name(Cow::Borrowed("helper"))
            .conversation_id(conversation.as_deref())
            .server_address(Cow::from(&*model))
    });
    let all = expected([
        ("provider", "azure".into()),
        ("agent_name", "helper".into()),
        ("conversation_id", "conv_1".into()),
        ("server_address", "gpt-5".into()),
    ]);
    assert_eq!(given.await, all);
}

#[tokio::test]
async fn none_and_an_empty_text_are_not_set() {
    let given = keys_of(|| {
        Span::generate()
            .temperature(None::<f32>)
            .max_tokens(None::<u32>)
            .seed(None::<Option<i64>>)
            .server_port(None::<u16>)
            .stop_sequences(None::<Vec<String>>)
            .provider(None::<String>)
            .agent_name("")
            .conversation_id(None::<&str>)
            .server_address(Some(""))
    });
    assert_eq!(given.await, []);
}

#[tokio::test]
async fn metadata_that_is_null_or_empty_sets_no_start_key() {
    let given = keys_of(|| {
        let span = Span::generate().provider("azure").temperature(0.5);
        OPTIONAL_START_KEYS.iter().fold(span, |span, key| span.metadata(*key, Value::Null).metadata(*key, ""))
    });
    assert_eq!(given.await, expected([("provider", "azure".into()), ("temperature", 0.5.into())]));
}

#[test]
fn a_number_of_32_bits_is_the_decimal_that_it_is_written_as() {
    for float in [0.7_f32, 0.1, 1e-7, 16_777_217.0, f32::MAX, f32::MIN_POSITIVE, -0.3] {
        let number = Value::from(float);
        assert_eq!(number, Value::from(float.to_string().parse::<f64>().unwrap()), "{float}");
    }
    assert_eq!(Value::from(0.7_f32), Value::from(0.7_f64));
    let Value::Number(infinite) = Value::from(f32::INFINITY) else { panic!() };
    assert_eq!(infinite.as_f64(), f64::INFINITY);
    let Value::Number(nan) = Value::from(f32::NAN) else { panic!() };
    assert!(nan.as_f64().is_nan());
}
