//! One conversation that is shown, or many at once behind a progress bar.

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use crate::{Failure, show};
use crate::chaos::Fate;
use crate::client::Endpoint;
use crate::conversation::Conversation;
use crate::error::AgentError;
use crate::options::Options;
use crate::server::{self, Mood};

/// What is asked after the prompt, in turn.
const FOLLOW_UPS: [&str; 2] = ["And what about Sunday?", "Shall I go north on Monday then?"];

/// Holds all conversations. Chaos may end some of them early, an endpoint that is not there ends all.
pub(crate) async fn talk(options: &Options) -> Result<(), Failure> {
    let mood = if options.chaos { Mood::Stormy } else { Mood::Busy };
    let endpoint = match Endpoint::from_environment() {
        Some(endpoint) => endpoint?,
        None => Endpoint::scripted(&server::start(mood).await?)?,
    };
    let client = endpoint.connect()?;
    let bar = progress_bar(options)?;
    let mut conversations = JoinSet::new();
    for number in 0..options.parallel {
        let conversation =
            Conversation::new(client.clone(), endpoint.clone(), format!("conversation-{number}"));
        conversations.spawn(hold(conversation, number, options.clone(), bar.clone()));
    }
    let mut failures = Vec::new();
    while let Some(conversation) = conversations.join_next().await {
        match conversation? {
            Err(error) if error.is_unreachable() => {
                return Err(format!("cannot reach {}: {error}", endpoint.base_url).into());
            }
            Err(error) if !options.chaos => failures.push(error),
            _ => {}
        }
    }
    bar.finish_and_clear();
    match failures.first() {
        Some(first) => {
            Err(format!("{} of {} conversations failed: {first}", failures.len(), options.parallel).into())
        }
        None => Ok(()),
    }
}

async fn hold(
    mut conversation: Conversation,
    number: u32,
    options: Options,
    bar: ProgressBar,
) -> Result<(), AgentError> {
    let prompts = [options.prompt.as_str()].into_iter().chain(FOLLOW_UPS.into_iter().cycle());
    for (turn, question) in (0..options.turns).zip(prompts) {
        let fate = if options.chaos { Fate::of_turn(number * options.turns + turn) } else { Fate::Good };
        options.show(&format!("> {question}"));
        match conversation.ask(question, fate).await {
            Ok(answer) => options.show(&format!("{answer}\n")),
            Err(error) if options.chaos && !error.is_unreachable() => options.show(&format!("({error})\n")),
            Err(error) => return Err(error),
        }
        bar.inc(1);
    }
    Ok(())
}

impl Options {
    /// Many conversations at once would be shown as noise.
    fn show(&self, text: &str) {
        if self.parallel == 1 {
            show(&text);
        }
    }
}

fn progress_bar(options: &Options) -> Result<ProgressBar, Failure> {
    if options.parallel == 1 {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} turns, {elapsed}")?;
    Ok(ProgressBar::new(u64::from(options.parallel) * u64::from(options.turns)).with_style(style))
}
