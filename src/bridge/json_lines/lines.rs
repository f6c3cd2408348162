use std::io;

use super::output::Output;
use super::rfc3339;
use crate::convention::policy::Policy;
use crate::event::{Event, json, json::Object};
use crate::registry::Sink;

/// Collects whole lines, one for each event, and writes many at once.
pub(super) struct Lines {
    output: Output,
    policy: Policy,
    buffer: String,
}

impl Lines {
    /// How many bytes are collected before they are written, while more events are queued.
    const BUFFER: usize = 64 * 1024;

    pub(super) fn new(output: Output, policy: Policy) -> Self {
        Self { output, policy, buffer: String::new() }
    }
}

impl Sink for Lines {
    fn take(&mut self, event: &Event<'_>) {
        let out = &mut self.buffer;
        out.push_str("{\"time\":\"");
        rfc3339::push(out, event.unix_time());
        out.push_str("\",\"event\":");
        json::text(out, event.name().as_str());
        out.push_str(",\"measurements\":");
        let mut measurements = Object::begin(out);
        event.visit_measurements(&mut |entry| {
            if !entry.from_user || self.policy.apply(&entry).is_some() {
                measurements.field(entry.key, entry.value);
            }
        });
        measurements.end();
        out.push_str(",\"metadata\":");
        let mut metadata = Object::begin(out);
        event.visit_metadata(&mut |entry| {
            if let Some(outgoing) = self.policy.apply(&entry) {
                metadata.field(entry.key, outgoing.value());
            }
        });
        metadata.end();
        out.push_str("}\n");
    }

    fn is_full(&self) -> bool {
        self.buffer.len() >= Self::BUFFER
    }

    fn write(&mut self, _lost: u64) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.output.write(&mut self.buffer);
        self.buffer.clear();
        // A line may be far larger than the buffer.
        self.buffer.shrink_to(2 * Self::BUFFER);
        written
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.output.reopen()
    }
}
