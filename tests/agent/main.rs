//! The main job, run as a newcomer runs it, and its log and table held against each other.
//!
//! `ALLM_EVENTS_FILE` names a file of any other run to be checked too, `ALLM_SUMMARY_FILE` that run's output.

mod log;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use crate::log::Log;

/// One run that all tests of chaos look at.
static CHAOS: LazyLock<Run> =
    LazyLock::new(|| Run::of("chaos", &["--parallel", "20", "--turns", "2", "--chaos"]));

struct Run {
    output: Output,
    log: Log,
}

impl Run {
    fn of(name: &str, arguments: &[&str]) -> Self {
        Self::with(name, arguments, &mut agent())
    }

    fn with(name: &str, arguments: &[&str], agent: &mut Command) -> Self {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("agent-{name}.jsonl"));
        let output = agent.args(arguments).arg("--events").arg(&file).output();
        let output = output.unwrap_or_else(|error| panic!("the agent does not run: {error}"));
        Self { output, log: Log::read(&file) }
    }

    fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

/// The example that `cargo test` built beside this test, on its own server.
fn agent() -> Command {
    let mut agent = Command::new(binary());
    for (variable, _) in std::env::vars_os() {
        if ["OPENAI_", "ALLM_", "OTEL_"].iter().any(|prefix| variable.to_string_lossy().starts_with(prefix)) {
            agent.env_remove(variable);
        }
    }
    agent
}

fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_else(|error| panic!("where am I? {error}"));
    let profile = test.ancestors().nth(2).unwrap_or_else(|| panic!("{} is no test binary", test.display()));
    let binary = profile.join("examples").join("agent").with_extension(std::env::consts::EXE_EXTENSION);
    // `cargo test` builds the examples, `cargo test --test agent` does not.
    const BUILD: &str = "build it: cargo build --all-features --example agent";
    let built = modified(&binary).unwrap_or_else(|| panic!("the example is missing; {BUILD}"));
    // Beside it lies the list of its sources: `agent: src/lib.rs …`.
    let sources = std::fs::read_to_string(binary.with_extension("d"))
        .unwrap_or_else(|error| panic!("the sources of the example: {error}"));
    let newer = sources.split_whitespace().skip(1).find(|file| modified(Path::new(file)) > Some(built));
    assert_eq!(newer, None, "the example is older than its source; {BUILD}");
    binary
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|it| it.modified()).ok()
}

/// The counts that the table shows.
fn counts_of_table(table: &str) -> BTreeMap<(String, String), u64> {
    let rows = table.lines().skip_while(|line| !line.starts_with("span ")).skip(1);
    let mut counts = BTreeMap::new();
    for row in rows {
        let words: Vec<&str> = row.split_whitespace().collect();
        let mut count = |name: &str, outcome: &str, number: &str| {
            let number =
                number.trim_end_matches(',').parse().unwrap_or_else(|_| panic!("no count in {row:?}"));
            if number > 0 {
                counts.insert((name.to_owned(), outcome.to_owned()), number);
            }
        };
        match words[..] {
            ["retries", retries, "handler", "failures", failures] => {
                count("retries", "", retries);
                count("handler failures", "", failures);
            }
            [span, outcome, number, ..] => count(span, outcome, number),
            _ => panic!("no row: {row:?}"),
        }
    }
    counts
}

#[test]
fn chaos_leaves_a_log_in_which_everything_fits() {
    CHAOS.log.check();
    CHAOS.log.check_no_content();
}

#[test]
fn chaos_is_no_failure_and_is_quiet() {
    assert!(CHAOS.output.status.success(), "{}", CHAOS.stderr());
    assert_eq!(CHAOS.stderr(), "");
}

#[test]
fn the_table_counts_what_the_log_holds() {
    assert_eq!(counts_of_table(&CHAOS.stdout()), CHAOS.log.counts());
}

#[test]
fn chaos_brings_every_outcome() {
    let counts = CHAOS.log.counts();
    let ends = [
        ("chat", "completed"),
        ("chat", "error"),
        ("step", "error"),
        ("stream", "completed"),
        ("stream", "dropped"),
        ("stream", "cancelled"),
        ("stream", "error"),
        ("tool", "completed"),
        ("tool", "panicked"),
        ("retries", ""),
        ("handler failures", ""),
    ];
    for (name, outcome) in ends {
        let key = (name.to_owned(), outcome.to_owned());
        assert!(counts.contains_key(&key), "no {name} {outcome} in {counts:?}");
    }
}

#[test]
fn a_log_named_by_the_environment_fits_too() {
    let Some(file) = std::env::var_os("ALLM_EVENTS_FILE") else { return };
    let log = Log::read(Path::new(&file));
    log.check();
    assert!(!log.events().is_empty(), "an empty log shows nothing");
    let Some(table) = std::env::var_os("ALLM_SUMMARY_FILE") else { return };
    let table =
        std::fs::read_to_string(&table).unwrap_or_else(|error| panic!("{}: {error}", table.display()));
    assert_eq!(counts_of_table(&table), log.counts());
}

#[test]
fn content_is_in_the_log_only_when_asked_for() {
    let secret = "May I sail to Atlantis?";
    let quiet = Run::of("quiet", &["--prompt", secret]);
    let open = Run::of("open", &["--prompt", secret, "--content"]);
    quiet.log.check_no_content();
    open.log.check();
    let inputs =
        |run: &Run| run.log.events().iter().filter(|event| event.text("input") == Some(secret)).count();
    assert_eq!(inputs(&quiet), 0);
    assert_ne!(inputs(&open), 0);
}

#[test]
fn a_wrong_option_gives_one_line_and_exit_code_2() {
    let wrong = [
        (&["--turn"][..], "agent: invalid option '--turn'; --help lists the valid ones"),
        (&["--turns", "many"], "agent: --turns many: valid is a whole number from 1 to 4294967295"),
        (&["--parallel", "0"], "agent: --parallel 0: valid is a whole number from 1 to 4294967295"),
        (&["--prompt"], "agent: missing argument for option '--prompt'"),
    ];
    for (arguments, told) in wrong {
        let output = agent().args(arguments).output().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr.lines().collect::<Vec<_>>(), [told], "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_unreachable_endpoint_gives_one_line_exit_code_2_and_a_log_that_fits() {
    for (name, parallel) in [("unreachable", "1"), ("unreachable-by-many", "30")] {
        // Port 1 is reserved and nobody listens there.
        let run = Run::with(
            name,
            &["--parallel", parallel],
            agent().env("OPENAI_BASE_URL", "http://127.0.0.1:1/v1"),
        );
        assert_eq!(run.output.status.code(), Some(2), "{}", run.stderr());
        assert_eq!(run.stderr().lines().count(), 1, "{}", run.stderr());
        run.log.check();
        let failed = ("stream".to_owned(), "error".to_owned());
        assert!(run.log.counts().contains_key(&failed), "{name} says what happened");
    }
}

/// Presses Ctrl-C in the middle of a run.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_every_span_completes_the_log_and_the_table_and_gives_exit_code_130() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agent-interrupted.jsonl");
    let _ = std::fs::remove_file(&file);
    // Far more turns than it can take before the signal.
    let mut agent = agent();
    agent.args(["--parallel", "20", "--turns", "100000", "--events"]).arg(&file);
    let agent = agent.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the agent runs");
    let has_begun = || std::fs::read_to_string(&file).is_ok_and(|log| log.contains("allm.tool.start"));
    let begun = Instant::now();
    while !has_begun() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no tool is called");
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = agent.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().expect("`kill` is there");
    assert!(sent.success());
    let output = agent.wait_with_output().expect("the agent ends");
    let run = Run { output, log: Log::read(&file) };
    assert_eq!(run.output.status.code(), Some(130), "{}", run.stderr());
    assert_eq!(run.stderr(), "");
    run.log.check();
    let cancelled = ("chat".to_owned(), "cancelled".to_owned());
    assert_eq!(run.log.counts().get(&cancelled), Some(&20), "each conversation was in a turn");
    assert_eq!(counts_of_table(&run.stdout()), run.log.counts());
}
