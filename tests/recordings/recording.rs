//! One recorded exchange, and what its body is expected to say.

use crate::bodies::documents;
use crate::facts::{Facts, Read};
use crate::usage::{Counts, picodollars};
use crate::{anthropic, gemini, openai_chat, openai_responses, others};
use allm_telemetry::Usage;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

/// A recorded answer.
pub(crate) struct Recording {
    pub(crate) id: String,
    pub(crate) read: Read,
    json: Value,
}

impl Recording {
    /// Every exchange that was recorded in these folders, which are separated as in `PATH`.
    ///
    /// # Errors
    ///
    /// A folder that cannot be read, or has no recorded stream in it: a set variable promises recordings.
    pub(crate) fn all_in(folders: &OsStr) -> Result<Vec<Self>, String> {
        let mut recordings = Vec::new();
        for folder in std::env::split_paths(folders) {
            let in_folder = Self::in_folder(&folder)?;
            if !in_folder.iter().any(|recording| recording.stream().is_some()) {
                return Err(format!("{folder:?} has no recorded stream in it"));
            }
            recordings.extend(in_folder);
        }
        recordings.sort_by(|a, b| a.id.cmp(&b.id));
        if recordings.is_empty() { Err("it names no folder".to_owned()) } else { Ok(recordings) }
    }

    fn in_folder(folder: &Path) -> Result<Vec<Self>, String> {
        let read = std::fs::read_dir(folder).map_err(|error| format!("{folder:?}: {error}"))?;
        let files = read.filter_map(|entry| Some(entry.ok()?.path()));
        let json_files = files.filter(|file| file.extension().is_some_and(|kind| kind == "json"));
        let recording = |file: std::path::PathBuf| {
            let text = std::fs::read_to_string(&file).map_err(|error| format!("{file:?}: {error}"))?;
            let json: Value = serde_json::from_str(&text).map_err(|error| format!("{file:?}: {error}"))?;
            Self::of(json).ok_or_else(|| format!("{file:?} is no recorded exchange"))
        };
        json_files.map(recording).collect()
    }

    fn of(json: Value) -> Option<Self> {
        let read: Read = match (json["provider"].as_str()?, json["operation"].as_str()?) {
            ("openai", "responses") => openai_responses::read,
            ("openai", "transcriptions") => others::read_transcription,
            ("openai", _) => openai_chat::read,
            ("anthropic", _) => anthropic::read,
            ("gemini", "interactions") => gemini::read_interaction,
            ("gemini", _) => gemini::read,
            ("cohere", _) => others::read_cohere,
            ("ollama", _) => others::read_ollama,
            ("bedrock", "invoke") => others::read_invoke,
            ("bedrock", _) => others::read_converse,
            other => panic!("no reader for {other:?}"),
        };
        Some(Self { id: text(&json["id"])?, read, json })
    }

    /// The body, if it is a stream of server-sent events.
    pub(crate) fn stream(&self) -> Option<&str> {
        self.chunk_count().and(self.json["body"].as_str())
    }

    /// What the documents of the body report.
    pub(crate) fn usage(&self) -> Usage {
        let mut facts = Facts::default();
        // Bedrock repeats counts in headers; a body that has them is preferred.
        let header = |name: &str| self.json["response_headers"][name].as_str()?.parse::<u64>().ok();
        facts.usage = Usage::new()
            .input(header("x-amzn-bedrock-input-token-count"))
            .output(header("x-amzn-bedrock-output-token-count"));
        documents(&self.json).iter().for_each(|document| (self.read)(&mut facts, document));
        facts.usage
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

    /// What an event must say of its usage.
    pub(crate) fn expected(&self) -> Counts {
        let counts = match &self.json["usage"] {
            Value::Object(_) => self.expected_in_our_terms(),
            _ => self.expected_from_the_vendors_numbers(),
        };
        counts.without_contradictions()
    }

    /// Leaves out what a recording does not say although the body may.
    pub(crate) fn comparable(&self, counts: Counts) -> Counts {
        let is_anthropic = self.json["provider"] == "anthropic";
        let reasoning = counts.reasoning.filter(|_| !is_anthropic);
        if self.json["usage"].is_object() {
            return Counts { reasoning, ..counts };
        }
        let cache_write = counts.cache_write.filter(|_| is_anthropic);
        let Counts { input, output, cached, .. } = counts;
        Counts { input, output, cached, cache_write, reasoning, ..Counts::default() }
    }

    fn expected_in_our_terms(&self) -> Counts {
        let usage = &self.json["usage"];
        let count = |key: &str| usage[key].as_u64();
        Counts {
            input: count("input"),
            output: count("output"),
            cached: count("cached"),
            cache_write: count("cache_write"),
            cache_write_5m: count("cache_write_5m"),
            cache_write_1h: count("cache_write_1h"),
            reasoning: count("reasoning"),
            audio_input: count("audio_in"),
            image_input: count("image_in"),
            cost: usage["cost_usd"].as_f64().map(picodollars),
        }
    }

    /// The recording's own two numbers and their details, added up as the vendor counts them.
    fn expected_from_the_vendors_numbers(&self) -> Counts {
        let (expected, detail) = (&self.json["expected"], &self.json["detail"]);
        let sum = |counts: [&Value; 3]| counts.iter().filter_map(|count| count.as_u64()).reduce(|a, b| a + b);
        // These recordings leave out where Groq reports its usage.
        let groq =
            documents(&self.json).into_iter().rev().find_map(|it| it.pointer("/x_groq/usage").cloned());
        let (input, output) = match &groq {
            Some(groq) => (&groq["prompt_tokens"], &groq["completion_tokens"]),
            None => (&expected["input_tokens"], &expected["output_tokens"]),
        };
        let (cached, written) = (&detail["cached_tokens"], &detail["cache_creation_input_tokens"]);
        let reasoning = &detail["reasoning_tokens"];
        let (input, output) = match self.json["provider"].as_str() {
            Some("anthropic") => (sum([input, cached, written]), output.as_u64()),
            Some("gemini") => {
                let tools = &detail["tool_use_prompt_tokens"];
                (sum([input, tools, &Value::Null]), sum([output, reasoning, &Value::Null]))
            }
            _ => (input.as_u64(), output.as_u64()),
        };
        Counts {
            input,
            output,
            cached: cached.as_u64(),
            cache_write: written.as_u64(),
            reasoning: reasoning.as_u64(),
            ..Counts::default()
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
