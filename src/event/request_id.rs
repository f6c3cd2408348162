use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::random;

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

/// The id of a request whose text nobody has read yet: 128 random bits.
///
/// Every outermost span has one, observed or not, so it is copied freely and allocates nothing. All copies have the same
/// text, whichever task reads it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LazyRequestId {
    // Not zero, so that an `Option` of it needs no byte more.
    high: NonZeroU64,
    low: u64,
}

impl LazyRequestId {
    pub(crate) fn next() -> Self {
        let high = NonZeroU64::new(random::next_u64()).unwrap_or(NonZeroU64::MIN);
        Self { high, low: random::next_u64() }
    }

    /// Returns the id: the bits in base64url.
    pub(crate) fn id(self) -> RequestId {
        let bits = u128::from(self.high.get()) << 64 | u128::from(self.low);
        RequestId(URL_SAFE_NO_PAD.encode(bits.to_be_bytes()).into())
    }
}

/// The id of a span's request. Its text is made once, when it is first read.
#[derive(Clone, Debug)]
pub(crate) enum RequestIdCell {
    Known(RequestId),
    Unread(LazyRequestId, OnceLock<RequestId>),
}

impl RequestIdCell {
    pub(crate) const fn of(id: LazyRequestId) -> Self {
        Self::Unread(id, OnceLock::new())
    }

    /// Returns the id that the caller gave, if one was given.
    pub(crate) fn known(&self) -> Option<&RequestId> {
        match self {
            Self::Known(id) => Some(id),
            Self::Unread(..) => None,
        }
    }

    pub(crate) fn get(&self) -> &RequestId {
        match self {
            Self::Known(id) => id,
            Self::Unread(id, text) => text.get_or_init(|| id.id()),
        }
    }
}
