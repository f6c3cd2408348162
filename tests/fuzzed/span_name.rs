use allm_telemetry::SpanName;

/// Text is a span's name, or an error that tells what was given and what is valid.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let known = SpanName::ALL.iter().copied().find(|name| name.as_str() == text);
    match text.parse::<SpanName>() {
        Ok(name) => assert_eq!(Some(name), known),
        Err(error) => {
            assert_eq!((known, error.given()), (None, text));
            let said = error.to_string();
            assert!(SpanName::ALL.iter().all(|name| said.contains(name.as_str())), "{said}");
        }
    }
}
