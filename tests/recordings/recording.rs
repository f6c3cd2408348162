//! One recorded exchange, and what its body is expected to say.

use crate::facts::{Counts, Provider};
use crate::{anthropic, gemini, openai_chat, openai_responses};
use allm_telemetry::Usage;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A recorded answer that is a server-sent-event stream.
pub(crate) struct Recording {
    pub(crate) id: String,
    pub(crate) provider: Provider,
    pub(crate) body: String,
    json: Value,
}

impl Recording {
    /// Every stream that was recorded in `folder`.
    ///
    /// # Errors
    ///
    /// A folder that cannot be read, or has no stream in it: a set variable promises recordings.
    pub(crate) fn all_in(folder: &Path) -> Result<Vec<Self>, String> {
        let read = std::fs::read_dir(folder).map_err(|error| format!("{folder:?}: {error}"))?;
        let files = read.filter_map(|entry| Some(entry.ok()?.path()));
        let json_files = files.filter(|file| file.extension().is_some_and(|kind| kind == "json"));
        let mut recordings = Vec::new();
        for file in json_files {
            let text = std::fs::read_to_string(&file).map_err(|error| format!("{file:?}: {error}"))?;
            let json: Value = serde_json::from_str(&text).map_err(|error| format!("{file:?}: {error}"))?;
            recordings.extend(Self::of_stream(json));
        }
        recordings.sort_by(|a, b| a.id.cmp(&b.id));
        if recordings.is_empty() {
            return Err(format!("{folder:?} has no recorded stream in it"));
        }
        Ok(recordings)
    }

    fn of_stream(json: Value) -> Option<Self> {
        json["expected"]["sse_events"].as_u64()?;
        let provider = match (json["provider"].as_str()?, json["operation"].as_str()?) {
            ("openai", "responses") => openai_responses::PROVIDER,
            ("openai", _) => openai_chat::PROVIDER,
            ("anthropic", _) => anthropic::PROVIDER,
            ("gemini", _) => gemini::PROVIDER,
            other => panic!("no reader for {other:?}"),
        };
        Some(Self { id: text(&json["id"])?, provider, body: text(&json["body"])?, json })
    }

    pub(crate) fn chunk_count(&self) -> Option<u64> {
        self.json["expected"]["sse_events"].as_u64()
    }

    pub(crate) fn response_model(&self) -> Option<String> {
        text(&self.json["expected"]["response_model"])
    }

    pub(crate) fn response_id(&self) -> Option<String> {
        text(&self.json["expected"]["response_id"])
    }

    /// The class of the failure that the body tells of although the status was 200.
    pub(crate) fn error_type(&self) -> Option<String> {
        let flags = self.json["flags"].as_array().into_iter().flatten();
        let failed = flags.into_iter().any(|flag| flag == "error-in-stream")
            || self.json["detail"]["terminal_event"] == "response.failed";
        let class = text(&self.json["expected"]["error_type"]).or(text(&self.json["detail"]["error_code"]));
        failed.then(|| class.unwrap_or_else(|| "_OTHER".to_owned()))
    }

    /// Why each choice has ended, by its index.
    pub(crate) fn finish_reasons(&self) -> BTreeMap<usize, String> {
        let reasons = self.json["expected"]["finish_reasons"].as_array().into_iter().flatten();
        let by_choice = reasons.enumerate().filter(|(_, reason)| !reason.is_null());
        by_choice.map(|(choice, reason)| (choice, text(reason).unwrap_or(reason.to_string()))).collect()
    }

    /// The recording's own two numbers and their details, by our rule.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let (expected, detail) = (&self.json["expected"], &self.json["detail"]);
        let counts = Counts {
            input: expected["input_tokens"].as_u64(),
            output: expected["output_tokens"].as_u64(),
            cached: detail["cached_tokens"].as_u64(),
            cache_write: detail["cache_creation_input_tokens"].as_u64(),
            reasoning: detail["reasoning_tokens"].as_u64(),
        };
        counts.usage(self.provider)
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
