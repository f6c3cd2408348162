//! `init`: the exporters that the environment names. In a process of its own each, because it has one environment.

use std::process::Output;
use std::time::Duration;

use allm_telemetry::handler::{InitError, ShutdownReport, list_handlers, shutdown_blocking};
use allm_telemetry::{init, prelude::*};
use futures::FutureExt as _;

use crate::support::own_process::in_its_own_process_with;

const LONG: Duration = Duration::from_secs(20);

fn call() {
    async {}.in_span_infallible(Span::generate().model("gpt-5")).now_or_never().unwrap();
}

/// Runs one call under this value of `ALLM_LOG`.
fn call_with(output: Option<Output>) -> Option<(String, String)> {
    let output = output?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    Some((text(&output.stdout), text(&output.stderr)))
}

fn one_call() -> ShutdownReport {
    let _telemetry = init().unwrap();
    call();
    shutdown_blocking(LONG)
}

#[test]
fn without_a_variable_nothing_is_attached() {
    let output = in_its_own_process_with(&[("ALLM_LOG", "")], || {
        let guard = init().unwrap();
        assert!(list_handlers("").is_empty());
        drop(guard);
        let report = one_call();
        assert!(report.is_complete() && report.exporters.is_empty(), "{report}");
    });
    if let Some((_, stderr)) = call_with(output) {
        assert_eq!(stderr, "");
    }
}

#[cfg(feature = "console")]
#[test]
fn the_console_is_on_standard_error() {
    let output = in_its_own_process_with(&[("ALLM_LOG", "console")], || assert!(one_call().is_complete()));
    if let Some((stdout, stderr)) = call_with(output) {
        assert!(stderr.contains("└ generate gpt-5") && !stdout.contains("gpt-5"), "{stderr}");
    }
}

#[cfg(feature = "json-lines")]
#[test]
fn json_is_on_standard_error_and_nothing_else_is() {
    let output = in_its_own_process_with(&[("ALLM_LOG", "json")], || assert!(one_call().is_complete()));
    if let Some((_, stderr)) = call_with(output) {
        let events: Vec<serde_json::Value> =
            stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert_eq!(events.len(), 2, "{stderr}");
        assert_eq!(events[1]["event"], "allm.generate.stop");
    }
}

#[cfg(feature = "json-lines")]
#[test]
fn a_file_is_appended_to() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("init.jsonl");
    let value = format!("json:{}", file.display());
    let output = in_its_own_process_with(&[("ALLM_LOG", &value)], || assert!(one_call().is_complete()));
    if call_with(output).is_some() {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines >= 2 && lines.is_multiple_of(2), "{lines} lines");
        std::fs::remove_file(&file).unwrap();
    }
}

/// The error of `init` and its sources.
fn said(error: InitError) -> String {
    let mut said = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        said += &format!(": {error}");
        source = error.source();
    }
    said
}

fn fails_with(said_of: &str) {
    let error = init().unwrap_err();
    let printed_by_main = format!("{error:?}");
    let said = said(error);
    assert_eq!(printed_by_main, said);
    assert!(said.contains(said_of), "{said}");
    assert!(list_handlers("").is_empty(), "nothing is attached");
}

#[test]
fn another_value_is_an_error_that_lists_the_valid_ones() {
    let valid = "but must be \"console\", \"json\" or \"json:\" and the path of a file";
    let xml = in_its_own_process_with(&[("ALLM_LOG", "xml")], || {
        fails_with("ALLM_LOG is \"xml\"");
        fails_with(valid);
    });
    call_with(xml);
}

#[test]
fn json_without_a_path_after_its_colon_is_an_error() {
    let value = "but must be";
    call_with(in_its_own_process_with(&[("ALLM_LOG", "json:")], || fails_with(value)));
}

#[test]
fn the_console_takes_no_path() {
    call_with(in_its_own_process_with(&[("ALLM_LOG", "console:x")], || fails_with("but must be")));
}

#[cfg(feature = "json-lines")]
#[test]
fn a_file_that_cannot_be_opened_is_an_error_that_names_it() {
    let output = in_its_own_process_with(&[("ALLM_LOG", "json:/no/such/folder/log.jsonl")], || {
        fails_with("ALLM_LOG: cannot open \"/no/such/folder/log.jsonl\": ");
    });
    call_with(output);
}

#[cfg(feature = "json-lines")]
#[test]
fn a_second_init_is_an_error_until_the_guard_of_the_first_is_dropped() {
    let output = in_its_own_process_with(&[("ALLM_LOG", "json:/dev/null")], || {
        let first = init().unwrap();
        let error = said(init().unwrap_err());
        assert!(error.contains("`init` was called before"), "{error}");
        drop(first);
        drop(init().unwrap());
    });
    call_with(output);
}

#[cfg(not(feature = "console"))]
#[test]
fn an_exporter_that_is_not_compiled_in_is_an_error_that_names_its_feature() {
    let said = "ALLM_LOG is \"console\", which needs the feature \"console\" of allm-telemetry";
    call_with(in_its_own_process_with(&[("ALLM_LOG", "console")], || fails_with(said)));
}

#[cfg(not(feature = "json-lines"))]
#[test]
fn json_lines_that_are_not_compiled_in_are_an_error_that_names_their_feature() {
    let said = "ALLM_LOG is \"json\", which needs the feature \"json-lines\" of allm-telemetry";
    call_with(in_its_own_process_with(&[("ALLM_LOG", "json:/dev/null")], || fails_with(said)));
}
