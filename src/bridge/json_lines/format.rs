use crate::convention::policy::Policy;
use crate::event::{Event, json};

/// Appends an event and a line feed.
pub(super) fn write_line(out: &mut String, event: &Event<'_>, policy: &Policy) {
    out.push_str("{\"event\":");
    json::text(out, event.name().as_str());
    out.push_str(",\"measurements\":");
    json::object(out, event.measurements(), |out, entry| json::field(out, entry.key, entry.value));
    out.push_str(",\"metadata\":");
    let leaving = event.metadata_entries().filter_map(|entry| Some((entry.key, policy.apply(&entry)?)));
    json::object(out, leaving, |out, (key, outgoing)| json::field(out, key, outgoing.value()));
    out.push_str("}\n");
}
