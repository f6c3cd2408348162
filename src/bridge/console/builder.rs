use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use super::output::Output;
use super::renderer::Renderer;
use crate::convention::policy::Policy;
use crate::event::EventName;
use crate::registry::{AttachError, SinkGuard, SubscribeOptions, Telemetry};

/// Prints spans as a live tree. Created for a terminal or a writer, then attached to a [`Telemetry`].
///
/// The emitting task only puts events into a queue, so a slow terminal delays no task. Events that find the queue full are
/// lost, and the console prints how many. A closed pipe is reported once, as `telemetry.handler.failure` with kind `io`.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{bridge::console::Console, prelude::*, Telemetry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), allm_telemetry::handler::AttachError> {
/// let _console = Console::new().attach("console", &Telemetry::global())?;
///
/// async { "an answer" }.in_span_infallible(Span::generate().model("gpt-5")).await;
/// // ┌ generate gpt-5                                          RcKx0cRkQtWCVzT1yw0vEg
/// // └ generate gpt-5                         1.1s  completed
/// # Ok(())
/// # }
/// ```
#[must_use = "it shows nothing until it is attached; bind the guard to a named variable"]
pub struct Console {
    to: Box<dyn Write + Send>,
    colors: bool,
    capacity: usize,
    remembered: usize,
    policy: Policy,
}

impl Console {
    const CAPACITY: usize = 8_192;
    const REMEMBERED: usize = 10_000;

    /// Prints to stderr, in colours if that is a terminal and the environment variable
    /// [`NO_COLOR`](https://no-color.org) is empty or not set.
    pub fn new() -> Self {
        let colors = wants_colors(io::stderr().is_terminal());
        Self::to_writer(io::stderr()).colors(colors)
    }

    /// Prints to stdout, in colours under the same conditions as [`new`](Self::new).
    pub fn stdout() -> Self {
        let colors = wants_colors(io::stdout().is_terminal());
        Self::to_writer(io::stdout()).colors(colors)
    }

    /// Prints to a writer, without colours. Whole lines are written, many at once, so the writer need not buffer.
    pub fn to_writer(writer: impl Write + Send + 'static) -> Self {
        Self {
            to: Box::new(writer),
            colors: false,
            capacity: Self::CAPACITY,
            remembered: Self::REMEMBERED,
            policy: Policy::new(),
        }
    }

    /// Enables or disables colours, whatever the terminal and the environment.
    pub fn colors(self, colors: bool) -> Self {
        Self { colors, ..self }
    }

    /// Sets what may be printed: by default no content and none of your own keys.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::{bridge::console::Console, Content, Policy};
    ///
    /// let policy = Policy::new().user_keys(["tenant"]).content_unredacted(Content::ERROR);
    /// let console = Console::new().policy(policy);
    /// # drop(console);
    /// ```
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Sets how many events the queue holds: 8,192 if not set.
    pub fn capacity(self, events: usize) -> Self {
        Self { capacity: events, ..self }
    }

    /// Sets how many spans of running requests are kept: 10,000 if not set. When there are more, the oldest request is
    /// printed as far as it went and removed.
    pub fn remembered(self, spans: usize) -> Self {
        Self { remembered: spans, ..self }
    }

    /// Attaches to `telemetry` under `id`, and prints until the guard is dropped.
    ///
    /// # Errors
    ///
    /// [`AttachError::AlreadyExists`] if the id is taken.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread, as [`std::thread::spawn`].
    pub fn attach(self, id: impl Into<Arc<str>>, telemetry: &Telemetry) -> Result<SinkGuard, AttachError> {
        let names = EventName::catalogue().iter().filter(|name| **name != EventName::FAILURE);
        let options = SubscribeOptions::new(self.capacity).content(self.policy.allowed_content());
        let renderer = Renderer::new(self.policy, Output::new(self.to, self.colors), self.remembered);
        telemetry.attach_sink(id, names, options, renderer)
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

fn wants_colors(is_terminal: bool) -> bool {
    may_color(is_terminal, env::var_os("NO_COLOR"), env::var_os("TERM"))
}

fn may_color(is_terminal: bool, no_color: Option<OsString>, term: Option<OsString>) -> bool {
    let refused = no_color.is_some_and(|value| !value.is_empty());
    is_terminal && !refused && term.is_none_or(|term| term != "dumb")
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("colors", &self.colors)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_for_terminals_that_have_them_and_users_who_want_them() {
        let set = |value: &str| Some(OsString::from(value));
        assert!(may_color(true, None, set("xterm")) && may_color(true, set(""), None));
        assert!(!may_color(true, set("1"), set("xterm")), "NO_COLOR");
        assert!(!may_color(true, None, set("dumb")), "a dumb terminal");
        assert!(!may_color(false, None, set("xterm")), "no terminal");
    }
}
