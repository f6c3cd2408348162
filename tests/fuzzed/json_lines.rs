use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allm_telemetry::bridge::json_lines::JsonLines;
use allm_telemetry::{
    Content, Policy, Span, SpanName, Telemetry,
    event::{EventName, Measurements, Metadata, Number, Value},
};
use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value as Json};

/// An event of one's own and a span, of whatever texts and values: three lines of JSON, and each says the same.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(facts) = Facts::new(&mut Unstructured::new(bytes)) else { return };
    let [own, start, stop] = &facts.written()[..] else { panic!("an event is a line: {facts:?}") };
    for line in [own, start, stop] {
        assert!(line["time"].as_str().is_some_and(|time| time.len() == 30 && time.ends_with('Z')), "{line}");
    }
    assert_eq!(own["event"], format!("allm.{}", facts.suffix));
    assert_same_numbers(&own["measurements"], &facts.measurements);
    assert_same_fields(&own["metadata"], &facts.metadata);
    for (line, phase) in [(start, "start"), (stop, "stop")] {
        assert_eq!(line["event"], format!("allm.tool.{phase}"));
        let told = &line["metadata"];
        // An empty text is treated as absent.
        let text = Some(facts.text.clone()).filter(|text| !text.is_empty());
        let text = text.map_or(Value::Null, Value::from);
        ["tool_name", "model"].into_iter().for_each(|key| assert_same_if_small(&told[key], &text));
        facts.own().for_each(|(key, value)| assert_same_if_small(&told[key], value));
    }
    assert_same(&stop["metadata"]["error"], &Value::from(facts.text.clone()));
}

/// What is told.
#[derive(Debug)]
struct Facts {
    suffix: String,
    text: String,
    measurements: Measurements,
    metadata: Metadata,
}

impl Facts {
    fn new(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let suffix = format!("own{}", bytes.arbitrary::<String>()?);
        let is_valid =
            Telemetry::new().execute(suffix.as_str(), Measurements::new(), Metadata::new()).is_ok();
        let suffix = if is_valid { suffix } else { "own".to_owned() };
        let text = bytes.arbitrary()?;
        let mut measurements = Measurements::new();
        for _ in 0..bytes.int_in_range(0..=4)? {
            measurements.insert(bytes.arbitrary::<String>()?, number(bytes)?);
        }
        Ok(Self { suffix, text, measurements, metadata: metadata(bytes, 3)? })
    }

    /// What is certain to be no key of the catalogue: those would be set as such.
    fn own(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.metadata.iter().filter(|(key, _)| key.starts_with("own "))
    }

    /// Tells it to a log, and reads that.
    fn written(&self) -> Vec<Json> {
        let (telemetry, page) = (Telemetry::new(), Page::default());
        let own = EventName::try_from(format!("allm.{}", self.suffix)).expect("it was tried");
        let events = SpanName::Tool.events().iter().cloned().chain([own]);
        let policy = Policy::new().all_user_keys().content_unredacted(Content::ALL);
        let log = JsonLines::to_writer(page.clone()).policy(policy).events(events);
        let log = log.attach("log", &telemetry).expect("a new handle");
        let told = telemetry.execute(self.suffix.as_str(), self.measurements.clone(), self.metadata.clone());
        told.expect("the suffix is a name");
        telemetry.run(|| {
            let mut span = Span::tool(self.text.clone(), "call").model(self.text.clone());
            for (key, value) in self.own() {
                span = span.metadata(key.to_owned(), value.clone());
            }
            span.start().error("class", &self.text);
        });
        assert!(log.flush(Duration::from_secs(60)).is_complete());
        drop(log);
        let text = page.text();
        assert!(text.ends_with('\n') && !text.contains('\r'), "{text:?}");
        text.split_terminator('\n').map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }
}

fn metadata(bytes: &mut Unstructured<'_>, depth: u8) -> Result<Metadata> {
    let mut metadata = Metadata::new();
    for _ in 0..bytes.int_in_range(0..=4)? {
        let key = format!("{}{}", if bytes.arbitrary()? { "own " } else { "" }, bytes.arbitrary::<String>()?);
        metadata.insert(key, value(bytes, depth)?);
    }
    Ok(metadata)
}

fn value(bytes: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    Ok(match bytes.int_in_range(0..=if depth == 0 { 3 } else { 5 })? {
        0 => Value::Null,
        1 => Value::Bool(bytes.arbitrary()?),
        2 => Value::Number(number(bytes)?),
        3 => Value::from(bytes.arbitrary::<String>()?),
        4 => {
            let length = bytes.int_in_range(0..=3)?;
            Value::List((0..length).map(|_| value(bytes, depth - 1)).collect::<Result<_>>()?)
        }
        _ => Value::Map(metadata(bytes, depth - 1)?),
    })
}

fn number(bytes: &mut Unstructured<'_>) -> Result<Number> {
    Ok(match bytes.int_in_range(0..=2)? {
        0 => bytes.arbitrary::<i64>()?.into(),
        1 => bytes.arbitrary::<u64>()?.into(),
        _ => bytes.arbitrary::<f64>()?.into(),
    })
}

#[track_caller]
fn assert_same(read: &Json, told: &Value) {
    match told {
        Value::Null => assert!(read.is_null(), "{read}"),
        Value::Bool(truth) => assert_eq!(read, truth),
        Value::Number(number) => assert_same_number(read, *number),
        Value::Text(text) => assert_eq!(read.as_str(), Some(&*no_nul(text))),
        Value::List(values) => {
            let read = read.as_array().expect("a list");
            assert_eq!(read.len(), values.len());
            read.iter().zip(values).for_each(|(read, told)| assert_same(read, told));
        }
        Value::Map(values) => {
            // Two keys may be one without NUL.
            let values: Metadata = values.iter().map(|(key, told)| (no_nul(key), told.clone())).collect();
            let read = object(read, values.len());
            values.iter().for_each(|(key, told)| assert_same(&read[key], told));
        }
        other => panic!("a value that JSON lines may not know: {other:?}"),
    }
}

/// Databases refuse NUL, so no exporter writes it in a value.
fn no_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[track_caller]
fn assert_same_fields(read: &Json, told: &Metadata) {
    let read = object(read, told.len());
    told.iter().for_each(|(key, told)| assert_same_if_small(&read[key], told));
}

/// What is larger than 1 KiB may have been cut.
#[track_caller]
fn assert_same_if_small(read: &Json, told: &Value) {
    // A NUL becomes a character of three bytes.
    fn size(value: &Value) -> usize {
        let size_of = |text: &str| 3 * text.len();
        32 + match value {
            Value::Text(text) => size_of(text),
            Value::List(values) => values.iter().map(size).sum(),
            Value::Map(values) => values.iter().map(|(key, value)| 32 + size_of(key) + size(value)).sum(),
            _ => 0,
        }
    }
    if size(told) <= 1_024 {
        assert_same(read, told);
    }
}

#[track_caller]
fn assert_same_numbers(read: &Json, told: &Measurements) {
    let read = object(read, told.len());
    told.iter().for_each(|(key, told)| assert_same_number(&read[key], *told));
}

#[track_caller]
fn assert_same_number(read: &Json, told: Number) {
    match told {
        Number::Int(told) => assert_eq!(read.as_i64(), Some(told)),
        Number::UInt(told) => assert_eq!(read.as_u64(), Some(told)),
        Number::Float(told) if told.is_finite() => assert_eq!(read.as_f64(), Some(told)),
        _ => assert!(read.is_null(), "JSON has no {told}"),
    }
}

#[track_caller]
fn object(read: &Json, length: usize) -> &Map<String, Json> {
    let read = read.as_object().expect("an object");
    assert_eq!(read.len(), length, "no key is lost, none stands twice");
    read
}

/// A file that the check can read.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panics with it").clone()).expect("JSON is UTF-8")
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
