use std::cell::{Cell, RefCell};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _, TryRng as _};

/// One id for all that one outermost call causes.
///
/// A fresh one is 16 bytes from a cryptographic generator in base64url without padding: 22 characters. One that
/// the caller brings is 1 to 128 visible ASCII characters, because it travels in HTTP headers.
///
/// # Examples
///
/// ```
/// use allm_telemetry::RequestId;
///
/// let from_gateway = RequestId::try_from("req-8f14e45f")?;
/// assert_eq!(from_gateway.as_str(), "req-8f14e45f");
/// assert!("with space".parse::<RequestId>().is_err());
/// # Ok::<(), allm_telemetry::event::ParseRequestIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    const MAX_LEN: usize = 128;

    /// Makes a fresh id: 22 characters, which are 16 bytes of a cryptographic generator in base64url without padding.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::RequestId;
    ///
    /// assert_eq!(RequestId::random().as_str().len(), 22);
    /// ```
    #[must_use]
    pub fn random() -> Self {
        LazyRequestId::next().id()
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RequestId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl FromStr for RequestId {
    type Err = ParseRequestIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = if text.is_empty() {
            Wrong::Empty
        } else if text.len() > Self::MAX_LEN {
            Wrong::Long(text.len())
        } else if let Some(place) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Wrong::Byte(text.as_bytes()[place], place)
        } else {
            return Ok(Self(text.into()));
        };
        Err(ParseRequestIdError(wrong))
    }
}

impl TryFrom<&str> for RequestId {
    type Error = ParseRequestIdError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for RequestId {
    type Error = ParseRequestIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The error of making a [`RequestId`] from text: it must be 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseRequestIdError(Wrong);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    Empty,
    Long(usize),
    Byte(u8, usize),
}

impl fmt::Display for ParseRequestIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid request id: ")?;
        match self.0 {
            Wrong::Empty => f.write_str("it is empty")?,
            Wrong::Long(len) => write!(f, "it is {len} bytes long")?,
            Wrong::Byte(byte, place) => write!(f, "byte 0x{byte:02x} at position {place}")?,
        }
        f.write_str("; valid are 1 to 128 visible ASCII characters (0x21 to 0x7e)")
    }
}

impl std::error::Error for ParseRequestIdError {}

/// A number, unique in this process, that stands for the id of a request until somebody reads it.
///
/// Every outermost span has one, observed or not, so it costs next to nothing: a thread takes numbers in order, from
/// blocks of its own. The id is a function of the number and of a secret of the process. So all copies of a context have
/// the same id, whichever task reads it first, and nothing is written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LazyRequestId(NonZeroU64);

impl LazyRequestId {
    /// Numbers that a thread takes at once.
    const BLOCK: u64 = 1 << 24;

    #[inline]
    pub(crate) fn next() -> Self {
        thread_local! {
            static NEXT: Cell<u64> = const { Cell::new(0) };
        }
        let next = match NonZeroU64::new(NEXT.get()) {
            Some(next) if next.get() % Self::BLOCK != 0 => next,
            _ => Self::first_of_block(),
        };
        NEXT.set(next.get().wrapping_add(1));
        Self(next)
    }

    #[cold]
    fn first_of_block() -> NonZeroU64 {
        static BLOCKS: AtomicU64 = AtomicU64::new(0);
        NonZeroU64::MIN | BLOCKS.fetch_add(1, Ordering::Relaxed).wrapping_mul(Self::BLOCK)
    }

    /// Returns the id: 16 bytes of a cryptographic generator, in base64url.
    pub(crate) fn id(self) -> RequestId {
        thread_local! {
            /// The batch that this thread has read last, with its number. A generator makes a batch in the time that it
            /// takes for one id, and most threads read ids in order. It has no destructor, so that an id can be read
            /// while the thread ends.
            static LAST: RefCell<(u64, Batch)> = const { RefCell::new((u64::MAX, [[0; 16]; BATCH])) };
        }
        let number = self.0.get() / BATCH as u64;
        let index = (self.0.get() % BATCH as u64) as usize;
        LAST.with_borrow_mut(|last| {
            if last.0 != number {
                *last = (number, batch(number));
            }
            RequestId(URL_SAFE_NO_PAD.encode(last.1[index]).into())
        })
    }
}

/// Ids in a batch: as many as a generator makes at once.
const BATCH: usize = 16;

type Batch = [[u8; 16]; BATCH];

/// Makes a batch from its number and the secret, so that it is the same on every thread.
fn batch(number: u64) -> Batch {
    let mut seed = [0; 32];
    seed[..24].copy_from_slice(&secret());
    seed[24..].copy_from_slice(&number.to_le_bytes());
    let mut batch = [[0; 16]; BATCH];
    StdRng::from_seed(seed).fill_bytes(batch.as_flattened_mut());
    batch
}

/// Returns the secret of this process, drawn from the system at first use. Not from the generator that `rand` keeps for
/// each thread, which is gone when the thread ends.
///
/// # Panics
///
/// If the system has no random bytes, as every other generator does then.
fn secret() -> [u8; 24] {
    static SECRET: OnceLock<[u8; 24]> = OnceLock::new();
    *SECRET.get_or_init(|| {
        let mut secret = [0; 24];
        SysRng.try_fill_bytes(&mut secret).expect("the system has random bytes");
        secret
    })
}

/// The id of a span's request. Its text is made once, when it is first read.
#[derive(Clone, Debug)]
pub(crate) enum RequestIdCell {
    Known(RequestId),
    Unread(LazyRequestId, OnceLock<RequestId>),
}

impl RequestIdCell {
    #[inline]
    pub(crate) fn random() -> Self {
        Self::of(LazyRequestId::next())
    }

    pub(crate) const fn of(id: LazyRequestId) -> Self {
        Self::Unread(id, OnceLock::new())
    }

    pub(crate) fn get(&self) -> &RequestId {
        match self {
            Self::Known(id) => id,
            Self::Unread(id, text) => text.get_or_init(|| id.id()),
        }
    }
}
