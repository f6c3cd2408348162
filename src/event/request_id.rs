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

/// Identifies a request: an outermost span and everything inside it.
///
/// A generated id is 16 bytes from a cryptographic generator in base64url without padding: 22 characters. An id supplied by the
/// caller must be 1 to 128 visible ASCII characters, so that it can be sent in HTTP headers.
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

    /// Generates a random id.
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
        let kind = if text.is_empty() {
            ErrorKind::Empty
        } else if text.len() > Self::MAX_LEN {
            ErrorKind::TooLong(text.len())
        } else if let Some(position) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            ErrorKind::InvalidByte(text.as_bytes()[position], position)
        } else {
            return Ok(Self(text.into()));
        };
        Err(ParseRequestIdError(kind))
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

/// The error returned when parsing a [`RequestId`] fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseRequestIdError(ErrorKind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum ErrorKind {
    Empty,
    /// The length in bytes.
    TooLong(usize),
    /// The byte and its position.
    InvalidByte(u8, usize),
}

impl fmt::Display for ParseRequestIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid request id: ")?;
        match self.0 {
            ErrorKind::Empty => f.write_str("empty")?,
            ErrorKind::TooLong(len) => write!(f, "{len} bytes long")?,
            ErrorKind::InvalidByte(byte, position) => {
                write!(f, "invalid byte 0x{byte:02x} at position {position}")?
            }
        }
        f.write_str("; expected 1 to 128 visible ASCII characters (0x21 to 0x7e)")
    }
}

impl std::error::Error for ParseRequestIdError {}

/// A process-wide unique number from which a request id is derived when it is first read.
///
/// Every outermost span has one, whether or not it is observed, so it must be cheap: each thread allocates numbers
/// sequentially from its own block. The id is a function of the number and a per-process secret, so all copies yield the same
/// id without synchronisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LazyRequestId(NonZeroU64);

impl LazyRequestId {
    /// The size of a block.
    const BLOCK: u64 = 1 << 24;

    #[inline]
    pub(crate) fn next() -> Self {
        thread_local! {
            static NEXT: Cell<u64> = const { Cell::new(0) };
        }
        // A multiple of `BLOCK`, which includes the initial 0, means that the block is used up.
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
        // A block begins at offset 1, which also makes the number non-zero. Block numbers repeat after 2^40 blocks.
        NonZeroU64::MIN | BLOCKS.fetch_add(1, Ordering::Relaxed).wrapping_mul(Self::BLOCK)
    }

    /// Computes the id: 16 bytes of a cryptographic generator, in base64url.
    pub(crate) fn id(self) -> RequestId {
        thread_local! {
            /// The last batch used by this thread, and its index. Generating a batch costs no more than generating one id,
            /// and ids are mostly read in order. It has no destructor, so that an id can be read while the thread exits.
            static LAST: RefCell<(u64, Batch)> = const { RefCell::new((NO_BATCH, [[0; 16]; BATCH])) };
        }
        let batch_index = self.0.get() / BATCH as u64;
        let offset = (self.0.get() % BATCH as u64) as usize;
        LAST.with_borrow_mut(|(last_index, ids)| {
            if *last_index != batch_index {
                (*last_index, *ids) = (batch_index, batch(batch_index));
            }
            RequestId(URL_SAFE_NO_PAD.encode(ids[offset]).into())
        })
    }
}

/// Ids in a batch: one output block of the ChaCha generator, 256 bytes.
const BATCH: usize = 16;

/// No batch has this index.
const NO_BATCH: u64 = u64::MAX;

type Batch = [[u8; 16]; BATCH];

/// Computes a batch from its index and the secret, so that it is the same on every thread.
fn batch(index: u64) -> Batch {
    // 24 bytes of secret and 8 bytes of index form the seed.
    let mut seed = [0; 32];
    seed[..24].copy_from_slice(&secret());
    seed[24..].copy_from_slice(&index.to_le_bytes());
    let mut batch = [[0; 16]; BATCH];
    StdRng::from_seed(seed).fill_bytes(batch.as_flattened_mut());
    batch
}

/// Returns the secret of this process, drawn from the operating system at first use. `rand`'s thread-local generator is not
/// used, because it is not accessible while the thread exits.
///
/// # Panics
///
/// Panics if the operating system's random source fails.
fn secret() -> [u8; 24] {
    static SECRET: OnceLock<[u8; 24]> = OnceLock::new();
    *SECRET.get_or_init(|| {
        let mut secret = [0; 24];
        SysRng.try_fill_bytes(&mut secret).expect("failed to read from the operating system's random source");
        secret
    })
}

/// The id of a span's request. Its text is computed once, when it is first read.
#[derive(Debug)]
pub(crate) enum RequestIdCell {
    Known(RequestId),
    Lazy(LazyRequestId, OnceLock<RequestId>),
}

impl RequestIdCell {
    #[inline]
    pub(crate) fn random() -> Self {
        Self::lazy(LazyRequestId::next())
    }

    pub(crate) const fn lazy(id: LazyRequestId) -> Self {
        Self::Lazy(id, OnceLock::new())
    }

    pub(crate) fn get(&self) -> &RequestId {
        match self {
            Self::Known(id) => id,
            Self::Lazy(id, text) => text.get_or_init(|| id.id()),
        }
    }
}

/// Each span inside clones it. The derived clone of an unread cell was 2.6 % of a nested span's time.
impl Clone for RequestIdCell {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            Self::Lazy(id, text) if text.get().is_none() => Self::lazy(*id),
            _ => Self::Known(self.get().clone()),
        }
    }
}
