use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allm_telemetry::{
    SpanName, Telemetry,
    event::{EventName, Phase},
};

/// A name is a path of segments, as text or one by one, and both are the same name.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let segments: Vec<&str> = text.split('.').collect();
    let valid = segments.iter().all(|segment| !segment.is_empty());
    let parsed = text.parse::<EventName>();
    assert_eq!(parsed, EventName::try_from(segments.as_slice()));
    assert_eq!(parsed.is_ok(), valid, "{text:?}");
    match parsed {
        Ok(name) => {
            assert_eq!(name.as_str(), text);
            assert_eq!(name.segments().collect::<Vec<_>>(), segments);
            for (end, _) in text.char_indices() {
                let prefix: Vec<&str> = text[..end].split('.').collect();
                let above = end == 0 || segments.starts_with(&prefix);
                assert_eq!(name.starts_with(&text[..end]), above, "{:?} of {text:?}", &text[..end]);
            }
            assert!(name.starts_with(text) && !name.starts_with(&format!("{text}.a")));
        }
        Err(error) => {
            assert_eq!(error.given(), text);
            assert!(error.to_string().len() < 1_000, "an error is read by people");
        }
    }
    // A segment with a dot is no segment, and a suffix is no name of its own.
    assert_eq!(EventName::try_from(["a", text]).is_ok(), valid && segments.len() == 1, "{text:?}");
    executes(text, valid);
}

/// What may be executed can be attached by the name that is emitted, and arrives there.
fn executes(text: &str, is_name: bool) {
    let first = text.split('.').next().unwrap();
    let emitted = if first == "allm" { text.to_owned() } else { format!("allm.{text}") };
    let second = emitted.split('.').nth(1);
    let (telemetry, calls) = (Telemetry::new(), Arc::new(AtomicUsize::new(0)));
    let counted = calls.clone();
    let attached = telemetry.attach("id", emitted.as_str(), move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let segments: Vec<&str> = emitted.split('.').collect();
    // Which names are misspelt, only the error says; that none but an event of a span's form is, is known.
    let is_misspelt = attached.as_ref().is_err_and(|error| error.to_string().contains("is not a span"));
    let has_form =
        segments.len() == 3 && Phase::ALL.iter().any(|it| segments[2].eq_ignore_ascii_case(it.as_str()));
    assert!(has_form || !is_misspelt, "{text:?}");
    let is_own = is_name
        && !is_misspelt
        && (first == "allm" || !first.eq_ignore_ascii_case("allm"))
        && !text.contains('*')
        && !text.starts_with("telemetry.")
        && !["telemetry", "allm", "allm.span.stalled", "span.stalled"].contains(&text)
        && second.is_some_and(|second| second.parse::<SpanName>().is_err());
    let executed = telemetry.execute(text, [("n", 1)], [("k", 1)]);
    assert_eq!(executed.is_ok(), is_own, "{text:?}");
    assert_eq!(calls.load(Ordering::Relaxed), usize::from(is_own), "{text:?}");
    assert!(attached.is_ok() || !is_own, "{text:?}");
    for error in
        attached.err().map(|it| it.to_string()).into_iter().chain(executed.err().map(|it| it.to_string()))
    {
        assert!(error.len() < 1_000, "an error is read by people");
    }
}
