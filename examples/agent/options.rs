//! The command line.

use std::num::NonZeroU32;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
A chat agent whose every call is wrapped, on real HTTP and server-sent events.

Usage: cargo run --example agent -- [options]

  --prompt TEXT    the first question
  --turns N        questions per conversation (1)
  --parallel N     that many conversations at once, with a progress bar (1)
  --events FILE    every event as a line of JSON, without content
  --content        prompts, replies and error texts too
  --chaos          streams dropped half-way, calls timed out, panics, a flaky server
  -h, --help       this text

It talks to a server that it starts on a loopback port. With OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL
set it talks to that endpoint instead.";

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) prompt: String,
    pub(crate) turns: u32,
    pub(crate) parallel: u32,
    pub(crate) events: Option<PathBuf>,
    pub(crate) content: bool,
    pub(crate) chaos: bool,
    pub(crate) help: bool,
}

impl Options {
    /// Parses the arguments. An error is one line that says what is wrong.
    pub(crate) fn parse(mut arguments: Parser) -> Result<Self, lexopt::Error> {
        let mut options = Self {
            prompt: "Can I go sailing near Lisbon on Saturday?".to_owned(),
            turns: 1,
            parallel: 1,
            events: None,
            content: false,
            chaos: false,
            help: false,
        };
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Long("prompt") => options.prompt = arguments.value()?.string()?,
                Arg::Long("turns") => options.turns = count("--turns", &mut arguments)?,
                Arg::Long("parallel") => options.parallel = count("--parallel", &mut arguments)?,
                Arg::Long("events") => options.events = Some(arguments.value()?.into()),
                Arg::Long("content") => options.content = true,
                Arg::Long("chaos") => options.chaos = true,
                Arg::Short('h') | Arg::Long("help") => options.help = true,
                unknown => {
                    return Err(format!("{}; --help lists the valid ones", unknown.unexpected()).into());
                }
            }
        }
        Ok(options)
    }
}

fn count(option: &str, arguments: &mut Parser) -> Result<u32, lexopt::Error> {
    let given = arguments.value()?;
    let count = given.parse_with(|text| text.parse::<NonZeroU32>());
    let wrong = format!("{option} {}: valid is a whole number from 1 to {}", given.display(), u32::MAX);
    count.map(NonZeroU32::get).map_err(|_| wrong.into())
}
