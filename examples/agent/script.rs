//! The scripted answers of the server, in the format of the protocol.

use std::time::Duration;

use serde_json::{Value, json};

/// A tool's name and its arguments.
type Call = (&'static str, &'static str);

#[derive(Clone, Copy)]
enum Line {
    Call(&'static [Call]),
    Say(&'static str),
}

impl Line {
    fn finish_reason(self) -> &'static str {
        match self {
            Self::Call(_) => "tool_calls",
            Self::Say(_) => "stop",
        }
    }

    /// A piece is the content of one frame and counts as one token.
    fn pieces(self) -> usize {
        match self {
            Self::Call(calls) => calls.iter().map(|call| 1 + fragments(call.1).count()).sum(),
            Self::Say(text) => words(text).count(),
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// Arguments arrive in fragments that do not end at JSON boundaries.
fn fragments(arguments: &str) -> impl Iterator<Item = &str> {
    arguments.split_inclusive([':', '"'])
}

/// The answers by turn and step.
const SCRIPT: &[&[Line]] = &[
    &[
        Line::Call(&[("weather", r#"{"city":"Lisbon"}"#), ("calendar", r#"{"day":"Saturday"}"#)]),
        Line::Call(&[("weather", r#"{"city":"Cascais"}"#)]),
        Line::Say(
            "Yes, go on Saturday. Lisbon will be clear with a light wind, but the sea off Cascais is calmer, and \
             your calendar is free from eleven. Take the train along the river and be on the water by noon.",
        ),
    ],
    &[
        Line::Call(&[("calendar", r#"{"day":"Sunday"}"#), ("weather", r#"{"city":"Sintra"}"#)]),
        Line::Say(
            "On Sunday you have lunch with your parents at one. Sintra stays cool and cloudy, so a walk up to the \
             castle in the morning fits well before it.",
        ),
    ],
    &[
        Line::Call(&[("weather", r#"{"city":"Porto"}"#), ("calendar", r#"{"day":"Monday"}"#)]),
        Line::Call(&[("weather", r#"{"city":"Braga"}"#)]),
        Line::Say("Porto gets rain on Monday and Braga even more. Stay at home, nothing is planned."),
    ],
];

/// A fixed day, so that two runs send the same bytes.
const CREATED: u64 = 1_764_547_200;

/// One scripted answer to one request.
pub(super) struct Reply {
    number: u64,
    line: Line,
    model: String,
    prompt_tokens: usize,
    wants_usage: bool,
}

impl Reply {
    /// The conversation determines the next line: the turn is the number of user messages, and the step is the number
    /// of assistant messages since the last of them.
    pub(super) fn to(question: &Value, number: u64) -> Self {
        let roles: Vec<&str> = question["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|m| m["role"].as_str())
            .collect();
        let turn = roles.iter().filter(|role| **role == "user").count().saturating_sub(1);
        let step = roles
            .iter()
            .rev()
            .take_while(|role| **role != "user")
            .filter(|role| **role == "assistant")
            .count();
        let lines = SCRIPT[turn % SCRIPT.len()];
        let last = lines.len() - 1;
        // A request without tools gets the last line immediately.
        let step = if question["tools"].is_array() { step.min(last) } else { last };
        Self {
            number,
            line: lines[step],
            model: question["model"].as_str().unwrap_or("scripted").to_owned(),
            prompt_tokens: question["messages"].to_string().len() / 4,
            wants_usage: question["stream_options"]["include_usage"] == true,
        }
    }

    /// The answer of a request without `stream`.
    pub(super) fn whole(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": null});
        match self.line {
            Line::Say(text) => message["content"] = text.into(),
            Line::Call(calls) => {
                let calls = calls.iter().enumerate();
                message["tool_calls"] =
                    calls.map(|(index, call)| self.tool_call(index, *call, call.1)).collect();
            }
        }
        json!({
            "id": self.id(), "object": "chat.completion", "created": CREATED, "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": self.line.finish_reason()}],
            "usage": self.usage(),
        })
    }

    fn id(&self) -> String {
        format!("chatcmpl-{:04}", self.number)
    }

    /// The events of a stream: the role, the content in pieces, the finish reason, and the usage if asked for.
    pub(super) fn frames(&self) -> Vec<Value> {
        let mut deltas = vec![json!({"role": "assistant", "content": ""})];
        match self.line {
            Line::Say(text) => deltas.extend(words(text).map(|word| json!({"content": word}))),
            Line::Call(calls) => {
                for (index, call) in calls.iter().enumerate() {
                    deltas.push(json!({"tool_calls": [self.tool_call(index, *call, "")]}));
                    deltas.extend(fragments(call.1).map(
                        |part| json!({"tool_calls": [{"index": index, "function": {"arguments": part}}]}),
                    ));
                }
            }
        }
        let mut frames: Vec<Value> = deltas
            .into_iter()
            .map(|delta| self.frame(json!([{"index": 0, "delta": delta, "finish_reason": null}])))
            .collect();
        frames
            .push(self.frame(json!([{"index": 0, "delta": {}, "finish_reason": self.line.finish_reason()}])));
        if self.wants_usage {
            let mut last = self.frame(json!([]));
            last["usage"] = self.usage();
            frames.push(last);
        }
        frames
    }

    fn frame(&self, choices: Value) -> Value {
        json!({
            "id": self.id(), "object": "chat.completion.chunk", "created": CREATED, "model": self.model,
            "choices": choices, "usage": null,
        })
    }

    fn tool_call(&self, index: usize, (name, _): Call, arguments: &str) -> Value {
        json!({
            "index": index, "id": format!("call_{:04}_{index}", self.number), "type": "function",
            "function": {"name": name, "arguments": arguments},
        })
    }

    fn usage(&self) -> Value {
        const REASONING: usize = 12;
        let spoken = self.line.pieces();
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": spoken + REASONING,
            "total_tokens": self.prompt_tokens + spoken + REASONING,
            "prompt_tokens_details": {"cached_tokens": self.prompt_tokens / 2},
            "completion_tokens_details": {"reasoning_tokens": REASONING},
        })
    }

    /// A pause in milliseconds that differs by request and by token, and is the same in each run.
    pub(super) fn pause(&self, token: u64, range: std::ops::Range<u64>) -> Duration {
        let mixed = (self.number * 1_000 + token + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        Duration::from_millis(range.start + mixed % (range.end - range.start))
    }
}
