use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::time::Instant;

/// The source of the times of a [`Telemetry`](crate::Telemetry) handle. All times are in nanoseconds.
///
/// The default is [`SystemClock`]. Implement another one for tests, or for a cheaper counter.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use allm_telemetry::{Telemetry, event::Clock};
///
/// /// A clock that ticks once every time it is read.
/// struct Ticks(AtomicU64);
///
/// impl Clock for Ticks {
///     fn monotonic(&self) -> u64 {
///         self.0.fetch_add(1, Ordering::Relaxed)
///     }
///     fn system(&self, monotonic: u64) -> u64 {
///         monotonic
///     }
/// }
///
/// let telemetry = Telemetry::with_clock(Ticks(AtomicU64::new(0)));
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the nanoseconds since an arbitrary origin of the process. If it runs backwards, durations are 0, never negative.
    fn monotonic(&self) -> u64;

    /// Returns the nanoseconds since the Unix epoch at the moment when [`monotonic`](Self::monotonic) returned
    /// `monotonic`. Called for an outermost span, and for events outside all spans. The times of nested spans are computed from
    /// it and the monotonic time, so a clock step during a request does not move them.
    fn system(&self, monotonic: u64) -> u64;
}

/// The default clock: tokio's, so that a runtime with paused time pauses the telemetry too. Works without a runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The monotonic time of the first reading. Not 0, because a paused tokio clock may be behind an earlier reading.
const ORIGIN: u64 = 1 << 40;

/// How long a thread derives the system time from the monotonic one before it reads the system clock again, which costs a
/// second clock read.
const ANCHOR_LIFE: u64 = 1_000_000_000;

thread_local! {
    /// A monotonic and a system time read together on this thread.
    static ANCHOR: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
impl Clock for SystemClock {
    fn monotonic(&self) -> u64 {
        // An `Instant` has no number of its own, so times are relative to the first reading.
        static START: OnceLock<Instant> = OnceLock::new();
        let now = now();
        let start = *START.get_or_init(|| now);
        match now.checked_duration_since(start) {
            Some(after) => ORIGIN.saturating_add(nanoseconds(after)),
            None => ORIGIN.saturating_sub(nanoseconds(start.duration_since(now))),
        }
    }

    fn system(&self, monotonic: u64) -> u64 {
        let (anchor, system) = ANCHOR.get();
        let age = monotonic.wrapping_sub(anchor);
        if system != 0 && age < ANCHOR_LIFE {
            return system + age;
        }
        // A system clock that is set to a time before 1970 is reported as 0.
        let system = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanoseconds);
        ANCHOR.set((monotonic, system));
        system
    }
}

/// Reads tokio's clock, or the system's while the thread exits. Once tokio's thread-local is destroyed, its clock panics if one
/// was ever paused in this process, and a panic in the destructor of a thread-local aborts the process.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
fn now() -> Instant {
    thread_local! {
        // The initialiser uses tokio's thread-local first. They are destroyed in reverse order, so this one is destroyed
        // before tokio's.
        static TOKIO: TokioClock = TokioClock {
            is_usable: Handle::try_current().err().is_none_or(|error| !error.is_thread_local_destroyed()),
        };
    }
    match TOKIO.try_with(|tokio| tokio.is_usable) {
        Ok(true) => Instant::now(),
        _ => Instant::from_std(std::time::Instant::now()),
    }
}

struct TokioClock {
    is_usable: bool,
}

/// Empty, but needed: a thread-local without a destructor is never destroyed, and would always seem usable.
impl Drop for TokioClock {
    fn drop(&mut self) {}
}

/// Returns a duration in nanoseconds. A duration of over 584 years is reported as `u64::MAX`.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A monotonic time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) u64);

impl Time {
    /// Returns the nanoseconds since `earlier`; 0 if the clock ran backwards.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The clock of one handle. The default one is called without dynamic dispatch.
#[derive(Clone, Default)]
pub(crate) enum TimeSource {
    #[default]
    System,
    Custom(Arc<dyn Clock>),
}

impl TimeSource {
    #[inline]
    pub(crate) fn now(&self) -> Time {
        Time(match self {
            Self::System => SystemClock.monotonic(),
            Self::Custom(clock) => clock.monotonic(),
        })
    }

    #[inline]
    pub(crate) fn system(&self, at: Time) -> u64 {
        match self {
            Self::System => SystemClock.system(at.0),
            Self::Custom(clock) => clock.system(at.0),
        }
    }
}

impl fmt::Debug for TimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Custom(_) => "Custom",
        })
    }
}
