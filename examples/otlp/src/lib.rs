//! The conversation of the agent example, to be sent to a collector.

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

/// Whatever went wrong.
pub type Failure = Box<dyn Error + Send + Sync>;

const QUESTIONS: [&str; 3] = [
    "Can I go sailing near Lisbon on Saturday?",
    "And what about Sunday?",
    "Shall I go north on Monday then?",
];

/// Holds a conversation of so many turns under this id; gives the answers. With the scripted server of the agent example,
/// or with the endpoint that `OPENAI_BASE_URL` names.
///
/// # Errors
///
/// If the endpoint cannot be reached or refuses.
pub async fn talk(id: &str, turns: usize) -> Result<Vec<String>, Failure> {
    let endpoint = match Endpoint::from_environment() {
        Some(endpoint) => endpoint?,
        None => Endpoint::scripted(&server::start(server::Mood::Busy).await?)?,
    };
    let mut conversation = Conversation::new(endpoint.connect()?, endpoint, id.to_owned());
    let mut answers = Vec::new();
    for question in QUESTIONS.into_iter().cycle().take(turns) {
        answers.push(conversation.ask(question, Fate::Good).await?);
    }
    Ok(answers)
}

/// Prompts, replies and error texts may leave, but not where anybody wants to go.
#[must_use]
pub fn policy_with_content() -> Policy {
    Policy::new().content(Content::ALL, redact)
}

fn redact(_: &str, value: ValueRef<'_>) -> Option<Value> {
    const CITIES: [&str; 5] = ["Lisbon", "Cascais", "Sintra", "Porto", "Braga"];
    // What is no text, a structure say, does not leave at all.
    let text = value.as_str()?.to_owned();
    Some(CITIES.into_iter().fold(text, |text, city| text.replace(city, "[city]")).into())
}
