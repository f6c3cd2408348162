use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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
/// assert_eq!(allm_telemetry::request_id().as_str().len(), 22);
/// # Ok::<(), allm_telemetry::InvalidRequestId>(())
/// ```
#[derive(Clone)]
pub struct RequestId(Repr);

#[derive(Clone)]
enum Repr {
    Drawn([u8; RequestId::DRAWN_LEN]),
    Given(Arc<str>),
}

/// A fresh [`RequestId`]: 22 characters from 16 random bytes.
#[must_use]
pub fn request_id() -> RequestId {
    RawId::draw().encode()
}

impl RequestId {
    const DRAWN_LEN: usize = 22;
    const MAX_LEN: usize = 128;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Base64 is ASCII, so the fallback is never taken; it spares an `unsafe` and a panic.
            Repr::Drawn(text) => str::from_utf8(text).unwrap_or_default(),
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
    type Err = InvalidRequestId;

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
        Err(InvalidRequestId(wrong))
    }
}

impl TryFrom<&str> for RequestId {
    type Error = InvalidRequestId;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The error of making a [`RequestId`] from text: it must be 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRequestId(Wrong);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    Empty,
    Long(usize),
    Byte(u8, usize),
}

impl fmt::Display for InvalidRequestId {
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

impl std::error::Error for InvalidRequestId {}

/// A drawn id before it is written out: two words that can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawId(pub(crate) [u64; 2]);

impl RawId {
    pub(crate) fn draw() -> Self {
        let bits: u128 = rand::random();
        Self([bits as u64, (bits >> 64) as u64])
    }

    pub(crate) fn encode(self) -> RequestId {
        let mut bytes = [0; 16];
        let (low, high) = bytes.split_at_mut(8);
        low.copy_from_slice(&self.0[0].to_le_bytes());
        high.copy_from_slice(&self.0[1].to_le_bytes());
        let mut text = [b'A'; RequestId::DRAWN_LEN];
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        debug_assert_eq!(written, Ok(RequestId::DRAWN_LEN));
        RequestId(Repr::Drawn(text))
    }
}

/// An id that is drawn when it is first read, and the same on every read.
#[derive(Debug, Default)]
pub(crate) struct RequestIdCell(OnceLock<RequestId>);

impl RequestIdCell {
    pub(crate) fn known(id: RequestId) -> Self {
        Self(OnceLock::from(id))
    }

    pub(crate) fn get(&self) -> &RequestId {
        self.0.get_or_init(request_id)
    }
}

impl Clone for RequestIdCell {
    fn clone(&self) -> Self {
        Self::known(self.get().clone())
    }
}
