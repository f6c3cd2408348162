//! Runs one conversation, or several concurrently. Contains the questions.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::Failure;
use crate::chaos::Fate;
use crate::client::Endpoint;
use crate::conversation::Conversation;
use crate::error::AgentError;
use crate::options::Options;
use crate::screen::Screen;
use crate::server::{self, Faults};

/// The questions after the prompt, in turn.
const FOLLOW_UPS: [&str; 2] = ["And what about Sunday?", "Shall I go north on Monday then?"];

/// Runs all conversations and returns the errors of those that ended early; with `--chaos` that is expected. If the
/// endpoint cannot be reached, all of them end.
pub(crate) async fn talk(options: &Options, screen: &Arc<Screen>) -> Result<Vec<AgentError>, Failure> {
    let faults = if options.chaos { Faults::All } else { Faults::RateLimits };
    let endpoint = match Endpoint::from_environment() {
        Some(endpoint) => endpoint?,
        None => Endpoint::scripted(&server::start(faults).await?)?,
    };
    let client = endpoint.connect()?;
    let mut conversations = JoinSet::new();
    for number in 0..options.parallel {
        let conversation =
            Conversation::new(client.clone(), endpoint.clone(), format!("conversation-{number}"));
        conversations.spawn(hold(conversation, number, options.clone(), screen.clone()));
    }
    let mut failures = Vec::new();
    while let Some(conversation) = conversations.join_next().await {
        match conversation? {
            Err(error) if error.is_unreachable() => {
                return Err(format!("cannot reach {}: {error}", endpoint.base_url).into());
            }
            Err(error) => failures.push(error),
            Ok(()) => {}
        }
    }
    Ok(failures)
}

async fn hold(
    mut conversation: Conversation,
    number: u32,
    options: Options,
    screen: Arc<Screen>,
) -> Result<(), AgentError> {
    let prompts = [options.prompt.as_str()].into_iter().chain(FOLLOW_UPS.into_iter().cycle());
    for (turn, question) in (0..options.turns).zip(prompts) {
        let fate = if options.chaos {
            Fate::of_turn(number.wrapping_mul(options.turns).wrapping_add(turn))
        } else {
            Fate::Good
        };
        screen.say(&format!("> {question}"));
        match conversation.ask(question, fate).await {
            Ok(answer) => screen.say(&format!("{answer}\n")),
            Err(error) if options.chaos && !error.is_unreachable() => screen.say(&format!("({error})\n")),
            Err(error) => return Err(error),
        }
        screen.turn_is_over();
    }
    Ok(())
}
