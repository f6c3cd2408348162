//! The tables in `docs/events.md` are generated from the catalogue in the code, so the two cannot differ.

use allm_telemetry::SpanName;
use allm_telemetry::event::{OPTIONAL_END_KEYS, OPTIONAL_END_MEASUREMENTS, OPTIONAL_START_KEYS};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/events.md");

fn keys(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

fn table() -> String {
    let rows = SpanName::ALL.iter().map(|name| {
        let row = name.row();
        let (start, end) = (keys(row.start_keys), keys(row.measurements));
        format!("| `{}` | {} | {start} | {end} | {} |\n", row.name, row.description, keys(row.result_keys))
    });
    let head =
        "| span | stands for | start keys | measurements at the end | result keys |\n|---|---|---|---|---|\n";
    std::iter::once(head.to_owned()).chain(rows).collect()
}

fn optional_keys() -> String {
    let rows = [
        (OPTIONAL_START_KEYS, "in all events, if set"),
        (OPTIONAL_END_KEYS, "in the end event, if recorded"),
        (OPTIONAL_END_MEASUREMENTS, "in the measurements of the end event, if recorded"),
    ];
    let rows = rows.map(|(list, present)| format!("| {} | {present} |\n", keys(list)));
    format!("| optional keys | present |\n|---|---|\n{}", rows.concat())
}

/// `UPDATE_DOCS=1 cargo test --test handlers` rewrites the tables.
#[test]
fn the_docs_tables_of_events_are_the_catalogue() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut made = page.clone();
    for (head, table) in [("| span |", table()), ("| optional keys |", optional_keys())] {
        let begin = made.find(head).expect("the page has the table");
        let end = begin + made[begin..].find("\n\n").map_or(made.len() - begin, |end| end + 1);
        made.replace_range(begin..end, &table);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, made).unwrap();
    } else {
        assert!(page == made, "run `UPDATE_DOCS=1 cargo test --test handlers`");
    }
}
