use allm_telemetry::RequestId;

/// An id is 1 to 128 visible ASCII characters, and stands as it was given.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let visible = text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    let valid = visible && (1..=128).contains(&text.len());
    match text.parse::<RequestId>() {
        Ok(id) => {
            assert!(valid, "{text:?}");
            assert_eq!((id.as_str(), id.to_string().parse()), (text, Ok(id.clone())));
        }
        Err(error) => {
            assert!(!valid, "{text:?}: {error}");
            assert!(error.to_string().is_ascii(), "what was given is not echoed: {error}");
        }
    }
}
