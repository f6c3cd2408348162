use std::cell::{Cell, RefCell};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrayvec::ArrayString;
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
/// let from_gateway: RequestId = "req-8f14e45f".parse()?;
/// assert_eq!(from_gateway.as_str(), "req-8f14e45f");
/// assert!("with space".parse::<RequestId>().is_err());
/// # Ok::<(), allm_telemetry::event::ParseRequestIdError>(())
/// ```
#[derive(Clone)]
pub struct RequestId(Repr);

#[derive(Clone)]
enum Repr {
    Drawn(Drawn),
    Given(Arc<str>),
}

/// The text of an id of our own, which is known to be text: to look again at each read costs 4 to 11 ns.
type Drawn = ArrayString<{ RequestId::DRAWN_LEN }>;

impl RequestId {
    const DRAWN_LEN: usize = 22;
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

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Drawn(text) => text,
            Repr::Given(text) => text,
        }
    }
}

impl AsRef<str> for RequestId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RequestId {}

impl std::hash::Hash for RequestId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
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
            return Ok(Self(Repr::Given(text.into())));
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

/// Stands for the id of a request until somebody reads it: a number, unique in this process.
///
/// Its id is a function of it that nobody outside can compute, so it is the same on every read, in every copy of a
/// context and on any task, whether the copy was made before the first read or after, and nothing is written back. A
/// request whose id nobody reads draws none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LazyRequestId(NonZeroU64);

impl LazyRequestId {
    /// Tickets that a thread takes at once.
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

    /// The id, for a span that nobody expected to be asked.
    #[cold]
    fn first_read(self) -> RequestId {
        IS_READ.store(true, Ordering::Relaxed);
        self.id()
    }

    /// The id: the 16 bytes that lie at the ticket's place in a stream from a cryptographic generator, whose seed is a
    /// secret of this process.
    pub(crate) fn id(self) -> RequestId {
        thread_local! {
            /// The page of that stream that this thread has read last. It needs no drop, so it is there in a thread's
            /// last moments.
            static LAST: RefCell<IdBatch> = const { RefCell::new(IdBatch::NONE) };
        }
        LAST.with_borrow_mut(|last| {
            let number = self.0.get() / IdBatch::IDS;
            if last.number != Some(number) {
                *last = IdBatch::read(number);
            }
            RequestId(Repr::Drawn(last.ids[(self.0.get() % IdBatch::IDS) as usize]))
        })
    }
}

/// The ids of tickets that follow each other: a generator makes as many at once, and a thread takes its tickets in order.
/// As text, because what is encoded where it is read is copied before its bytes have arrived, and waits for them.
struct IdBatch {
    number: Option<u64>,
    ids: [Drawn; Self::IDS as usize],
}

impl IdBatch {
    const IDS: u64 = 16;
    /// From one id to the next while they are encoded: base64 makes four characters of three bytes. The two bytes behind
    /// an id are 0, as if it ended there, so that its characters are its own.
    const STRIDE: usize = 24;
    const NONE: Self = Self { number: None, ids: [Drawn::new_const(); Self::IDS as usize] };

    /// A page is made from its number alone, so that it is the same on every thread.
    #[cold]
    fn read(number: u64) -> Self {
        let mut seed = [0; 32];
        seed[..24].copy_from_slice(&secret());
        seed[24..].copy_from_slice(&number.to_le_bytes());
        let mut generator = StdRng::from_seed(seed);
        let mut random = [[0; 16]; Self::IDS as usize];
        generator.fill_bytes(random.as_flattened_mut());
        let mut bytes = [[0; Self::STRIDE / 4 * 3]; Self::IDS as usize];
        for (bytes, random) in bytes.iter_mut().zip(random) {
            bytes[..16].copy_from_slice(&random);
        }
        let mut text = [0; Self::STRIDE * Self::IDS as usize];
        let written = URL_SAFE_NO_PAD.encode_slice(bytes.as_flattened(), &mut text);
        debug_assert_eq!(written, Ok(text.len()));
        let text = str::from_utf8(&text).expect("base64 is text");
        let ids = std::array::from_fn(|id| {
            let start = id * Self::STRIDE;
            Drawn::from(&text[start..start + RequestId::DRAWN_LEN]).expect("it fits")
        });
        Self { number: Some(number), ids }
    }
}

/// What nobody outside knows: drawn from the system once a process. Not from a thread's generator, which is gone in the
/// thread's last moments.
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

/// Whether an id was ever read from a span. Who reads one reads the next as well.
static IS_READ: AtomicBool = AtomicBool::new(false);

/// A span's id, the same on every read.
#[derive(Debug)]
pub(crate) enum RequestIdCell {
    Known(RequestId),
    /// Nobody has asked for it before the span started; it is worked out when somebody does.
    Unread(LazyRequestId, OnceLock<RequestId>),
}

impl RequestIdCell {
    #[inline]
    pub(crate) const fn of(ticket: LazyRequestId) -> Self {
        Self::Unread(ticket, const { OnceLock::new() })
    }

    /// The id, if nobody need work it out. Before a span starts, that is one that the caller gave.
    pub(crate) fn known(&self) -> Option<&RequestId> {
        match self {
            Self::Known(id) => Some(id),
            Self::Unread(..) => None,
        }
    }

    /// Works the id out before the span is shared, if it is likely to be read: a third of the cost of doing so later.
    #[inline]
    pub(crate) fn prepare(&mut self) {
        if let Self::Unread(ticket, _) = self
            && IS_READ.load(Ordering::Relaxed)
        {
            *self = Self::Known(ticket.id());
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> &RequestId {
        match self {
            Self::Known(id) => id,
            Self::Unread(ticket, known) => known.get_or_init(|| ticket.first_read()),
        }
    }
}

/// A copy reads nothing.
impl Clone for RequestIdCell {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            Self::Known(id) => Self::Known(id.clone()),
            Self::Unread(ticket, known) => {
                known.get().map_or(Self::of(*ticket), |id| Self::Known(id.clone()))
            }
        }
    }
}
