//! `cargo run -p allm-telemetry-otlp`: sends the agent's conversation to an OTLP endpoint.

use std::process::ExitCode;
use std::time::Duration;

use allm_telemetry::bridge::console::Console;
use allm_telemetry::bridge::otel::Otel;
use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry::{Policy, Telemetry, convention::Convention};
use allm_telemetry_otlp::{Failure, policy_with_content, talk};
use lexopt::{Arg, Parser, ValueExt};

const HELP: &str = "\
The agent's conversation, sent to an OTLP endpoint.

Usage: cargo run -p allm-telemetry-otlp -- [options]

  --endpoint URL        where to (http://localhost:4318; with --grpc http://localhost:4317)
  --grpc                by gRPC, not by http/protobuf
  --header NAME=VALUE   a header of every request, such as x-mlflow-experiment-id=0
  --without-metrics     for Phoenix and MLflow, which take none
  --content             prompts, replies and error texts too, without the names of cities
  --conversation ID     its id, which becomes the session (weekend-1)
  --turns N             questions (1)
  -h, --help            this text

What is not said is taken from OTEL_EXPORTER_OTLP_ENDPOINT and its sisters.";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("otlp: {failure}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<ExitCode, Failure> {
    let Some(options) = Options::parse(Parser::from_env())? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let policy = if options.content { policy_with_content() } else { Policy::new() };

    // The whole set-up: a pipeline, and the exporter that feeds it.
    let pipeline = options.otlp.service_name("weekend").build()?;
    Otel::new()
        .tracer_provider(pipeline.tracer_provider())
        .meter_provider(pipeline.meter_provider())
        .convention(Convention::new().policy(policy))
        .attach("otel", &Telemetry::global())?;

    let _console = Console::new().attach("console", &Telemetry::global())?;
    let answers = talk(&options.conversation, options.turns).await;
    // Waits for open spans and flushes the console and the pipeline. Then the pipeline's own report, which has more counts.
    let _ = allm_telemetry::shutdown(Duration::from_secs(15)).await;
    let report = pipeline.shutdown(Duration::from_secs(15)).await;
    println!("{}\n{report}", answers?.join("\n"));
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Options {
    otlp: Otlp,
    conversation: String,
    turns: usize,
    content: bool,
}

impl Options {
    /// `None` for `--help`.
    fn parse(mut arguments: Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options =
            Self { otlp: Otlp::new(), conversation: "weekend-1".to_owned(), turns: 1, content: false };
        while let Some(argument) = arguments.next()? {
            options.otlp = match argument {
                Arg::Long("endpoint") => options.otlp.endpoint(arguments.value()?.string()?),
                Arg::Long("grpc") => options.otlp.grpc(),
                Arg::Long("without-metrics") => options.otlp.without_metrics(),
                Arg::Long("header") => {
                    let header = arguments.value()?.string()?;
                    let (name, value) = header.split_once('=').ok_or("a header is NAME=VALUE")?;
                    options.otlp.header(name, value)
                }
                Arg::Long("content") => {
                    options.content = true;
                    options.otlp
                }
                Arg::Long("conversation") => {
                    options.conversation = arguments.value()?.string()?;
                    options.otlp
                }
                Arg::Long("turns") => {
                    options.turns = arguments.value()?.parse()?;
                    options.otlp
                }
                Arg::Short('h') | Arg::Long("help") => return Ok(None),
                unknown => return Err(unknown.unexpected()),
            };
        }
        Ok(Some(options))
    }
}
