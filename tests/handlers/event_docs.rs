//! The table in `docs/events.md` is generated from the catalogue in the code, so the two cannot differ.

use allm_telemetry::SpanName;

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

/// `UPDATE_DOCS=1 cargo test --test handlers` rewrites the table.
#[test]
fn the_docs_table_of_events_is_the_catalogue() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let begin = page.find("| span |").expect("the page has the table");
    let end = begin + page[begin..].find("\n\n").map_or(page.len() - begin, |end| end + 1);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, format!("{}{}{}", &page[..begin], table(), &page[end..])).unwrap();
    } else {
        assert_eq!(&page[begin..end], table(), "run `UPDATE_DOCS=1 cargo test --test handlers`");
    }
}
