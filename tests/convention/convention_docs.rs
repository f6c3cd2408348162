//! The tables in `docs/conventions.md` are generated from the tables in the code, so the two cannot differ.

use std::collections::BTreeSet;

use crate::support::span_of;
use allm_telemetry::{
    Content, SpanName,
    convention::{Convention, Profile, Rule, SpanKind},
    testing::Capture,
};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conventions.md");

/// `UPDATE_DOCS=1 cargo test --test convention` rewrites the tables.
#[test]
fn the_docs_tables_of_names_are_those_of_the_code() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut tables = tables().into_iter();
    let made: Vec<String> = parts(&page)
        .into_iter()
        .map(|part| if part.starts_with('|') { tables.next().expect("a table for it") } else { part })
        .collect();
    assert_eq!(tables.next(), None, "the page has too few tables");
    let made = made.join("\n\n") + "\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, made).unwrap();
    } else {
        assert!(page == made, "run `UPDATE_DOCS=1 cargo test --test convention`");
    }
}

/// Paragraphs and tables.
fn parts(page: &str) -> Vec<String> {
    page.trim_end().split("\n\n").map(str::to_owned).collect()
}

/// In the order of the page.
fn tables() -> Vec<String> {
    let genai = Convention::new().profiles([Profile::OtelGenai]);
    let convention = Convention::new();
    let known: BTreeSet<_> = convention.instruments().iter().map(|it| &*it.name).collect();
    vec![
        names(),
        attributes(|span| Profile::Otel1_41.rules(span)),
        attributes(|span| only_in(Profile::OtelGenai.rules(span), &Profile::Otel1_41.rules(span))),
        attributes(|span| Profile::OpenInference.rules(span)),
        attributes(|span| Convention::new().profiles([]).rules(span).copied().collect()),
        instruments(&Convention::new(), |_| true),
        instruments(&genai, |name| !known.contains(name)),
        buckets(),
    ]
}

fn table(head: [&str; 3], rows: impl IntoIterator<Item = [String; 3]>) -> String {
    let head = head.map(str::to_owned);
    let line = |cells: [String; 3]| format!("| {} |", cells.join(" | "));
    let rows = rows.into_iter().map(line);
    [line(head), "|---|---|---|".to_owned()].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

fn names() -> String {
    let convention = Convention::new();
    let rows = SpanName::ALL.iter().map(|&span| {
        let capture = Capture::new();
        let subjects = [("tool_name", "{tool}"), ("data_source", "{data source}")];
        let named = || span_of(span).model("{model}").agent_name("{agent}");
        let span_here =
            || subjects.into_iter().fold(named(), |span, (key, name)| span.metadata(key, name)).start();
        capture.run(|| span_here().complete());
        let name = convention.span_name(&capture.events()[0].as_event()).into_owned();
        let kind = if convention.kind(span) == SpanKind::Client { "client" } else { "internal" };
        [format!("`{span}`"), format!("`{name}`"), kind.to_owned()]
    });
    table(["span", "name", "kind"], rows)
}

/// One row per key and source, in the order of their first occurrence.
fn attributes(rules: impl Fn(SpanName) -> Vec<Rule>) -> String {
    let mut rows: Vec<(&str, String, Vec<SpanName>)> = Vec::new();
    for &span in SpanName::ALL {
        for rule in rules(span) {
            let content = if rule.content() == Content::NONE { "" } else { "content: " };
            let source = format!("{content}{}", rule.source());
            match rows.iter_mut().find(|row| row.0 == rule.key() && row.1 == source) {
                Some(row) => row.2.push(span),
                None => rows.push((rule.key(), source, vec![span])),
            }
        }
    }
    rows.sort_by_key(|row| row.1.starts_with("content"));
    let rows = rows.into_iter().map(|(key, source, spans)| [format!("`{key}`"), which(&spans), source]);
    table(["attribute", "spans", "source"], rows)
}

fn which(spans: &[SpanName]) -> String {
    let list =
        |spans: &[SpanName]| spans.iter().map(|span| format!("`{span}`")).collect::<Vec<_>>().join(", ");
    let others: Vec<_> = SpanName::ALL.iter().copied().filter(|span| !spans.contains(span)).collect();
    match others.len() {
        0 => "all".to_owned(),
        1..=4 => format!("all but {}", list(&others)),
        _ => list(spans),
    }
}

/// The rules that are not among the others.
fn only_in(rules: Vec<Rule>, others: &[Rule]) -> Vec<Rule> {
    let is_other =
        |rule: &Rule| others.iter().any(|it| it.key() == rule.key() && it.source() == rule.source());
    rules.into_iter().filter(|rule| !is_other(rule)).collect()
}

fn instruments(convention: &Convention, shown: impl Fn(&str) -> bool) -> String {
    let shown = convention.instruments().iter().filter(|instrument| shown(&instrument.name));
    let rows = shown.map(|instrument| {
        let kind = if instrument.boundaries().is_some() { "histogram" } else { "counter" };
        let labels = instrument.label_keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let name = format!("`{}`: {}", instrument.name, instrument.description.trim_end_matches('.'));
        [name, format!("{kind}, `{}`", instrument.unit), labels]
    });
    table(["instrument", "kind, unit", "labels"], rows)
}

fn buckets() -> String {
    let convention = Convention::new();
    let rows = convention.instruments().iter().filter_map(|instrument| {
        let bounds = instrument.boundaries()?;
        let count = bounds.len().to_string();
        let list = bounds.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        Some([format!("`{}`", instrument.name), count, list])
    });
    table(["histogram", "bucket count", "upper bounds"], rows)
}
