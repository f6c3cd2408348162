//! Runs the conversation of the agent example, so that it can be sent to a collector.

#[allow(dead_code, reason = "here every turn goes well")]
#[path = "../../agent/chaos.rs"]
mod chaos;
#[path = "../../agent/client.rs"]
mod client;
#[path = "../../agent/conversation.rs"]
mod conversation;
#[allow(dead_code, reason = "here an error ends the program")]
#[path = "../../agent/error.rs"]
mod error;
#[path = "../../agent/reply.rs"]
mod reply;
#[path = "../../agent/server.rs"]
mod server;
#[path = "../../agent/tools.rs"]
mod tools;

use std::error::Error;

use allm_telemetry::{
    Content, Policy,
    event::{Value, ValueRef},
};

use crate::chaos::Fate;
use crate::client::Endpoint;
use crate::conversation::Conversation;

/// Any error.
pub type Failure = Box<dyn Error + Send + Sync>;

const QUESTIONS: [&str; 3] = [
    "Can I go sailing near Lisbon on Saturday?",
    "And what about Sunday?",
    "Shall I go north on Monday then?",
];

/// Runs a conversation of `turns` turns with this id and returns the answers. It uses the scripted server of the agent
/// example, or the endpoint in `OPENAI_BASE_URL`.
///
/// # Errors
///
/// If the endpoint cannot be reached or refuses.
pub async fn talk(id: &str, turns: usize) -> Result<Vec<String>, Failure> {
    let endpoint = match Endpoint::from_environment() {
        Some(endpoint) => endpoint?,
        None => Endpoint::scripted(&server::start(server::Faults::RateLimits).await?)?,
    };
    let mut conversation = Conversation::new(endpoint.connect()?, endpoint, id.to_owned());
    let mut answers = Vec::new();
    for question in QUESTIONS.into_iter().cycle().take(turns) {
        answers.push(conversation.ask(question, Fate::Good).await?);
    }
    Ok(answers)
}

/// Allows prompts, replies and error texts, with the names of cities removed.
#[must_use]
pub fn policy_with_content() -> Policy {
    Policy::new().content(Content::ALL, redact)
}

fn redact(_: &str, value: ValueRef<'_>) -> Option<Value> {
    const CITIES: [&str; 5] = ["Lisbon", "Cascais", "Sintra", "Porto", "Braga"];
    // A value that is not text, such as a structure, is not sent.
    let text = value.as_str()?.to_owned();
    Some(CITIES.into_iter().fold(text, |text, city| text.replace(city, "[city]")).into())
}
