use std::fmt;
use std::sync::Arc;

/// The position of a span in a distributed trace, as the HTTP headers `traceparent` and `tracestate` of
/// [W3C Trace Context] carry it.
///
/// [`Context::extract`](crate::Context::extract) reads it, [`Context::inject`](crate::Context::inject) writes it. A
/// [`Listener`](crate::Listener) that creates spans of a tracing system converts it to and from the types of that system.
///
/// [W3C Trace Context]: https://www.w3.org/TR/trace-context/
#[derive(Clone, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
    trace_state: Option<Arc<str>>,
}

impl TraceParent {
    /// The flags that W3C defines: `sampled` and `random`. Others are set to 0, as it requires.
    const FLAGS: u8 = 0b11;

    /// The maximum number of members of a `tracestate`.
    const MAX_STATES: usize = 32;

    /// Creates it from the ids and the flags. Returns `None` if an id is 0, which is invalid.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::propagation::TraceParent;
    ///
    /// let parent = TraceParent::new([0xab; 16], [0xcd; 8], 1).unwrap();
    /// assert_eq!(parent.to_string(), "00-abababababababababababababababab-cdcdcdcdcdcdcdcd-01");
    /// assert!(TraceParent::new([0; 16], [0xcd; 8], 1).is_none());
    /// ```
    #[must_use]
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], flags: u8) -> Option<Self> {
        let is_valid = trace_id != [0; 16] && span_id != [0; 8];
        is_valid.then_some(Self { trace_id, span_id, flags: flags & Self::FLAGS, trace_state: None })
    }

    /// Sets the value of the header `tracestate`: a comma-separated list. Returns `None` if it is malformed.
    #[must_use]
    pub fn with_trace_state(mut self, text: &str) -> Option<Self> {
        let members = || text.split(',').map(trim).filter(|member| !member.is_empty());
        if members().count() > Self::MAX_STATES || !members().all(is_state) {
            return None;
        }
        let members: Vec<_> = members().collect();
        self.trace_state = (!members.is_empty()).then(|| members.join(",").into());
        Some(self)
    }

    /// Returns the id of the trace.
    #[must_use]
    pub const fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// Returns the id of the span, which W3C calls `parent-id`.
    #[must_use]
    pub const fn span_id(&self) -> [u8; 8] {
        self.span_id
    }

    /// Returns the trace flags. If the lowest bit is set, the trace is sampled.
    #[must_use]
    pub const fn flags(&self) -> u8 {
        self.flags
    }

    /// Returns the value of the header `tracestate`. It is empty if there is none.
    #[must_use]
    pub fn trace_state(&self) -> &str {
        self.trace_state.as_deref().unwrap_or_default()
    }

    /// Parses the value of the header `traceparent`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(5, '-');
        let mut field = || fields.next();
        let [version] = hex(field()?)?;
        let (trace_id, span_id, [flags]) = (hex(field()?)?, hex(field()?)?, hex(field()?)?);
        let is_known = match version {
            0 => field().is_none(),
            0xff => false,
            // A later version begins with these four fields, and may have more.
            _ => true,
        };
        Self::new(trace_id, span_id, flags).filter(|_| is_known)
    }

    /// Returns the id of the trace as 32 hex digits.
    pub(crate) fn trace_id_text(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.trace_id))
    }
}

/// The value of the header `traceparent`.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace_id, span_id) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.span_id));
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{:02x}", self.flags)
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceParent({self})")
    }
}

/// Removes the optional whitespace that HTTP allows around a value.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Parses `N` bytes of lower-case hex digits. W3C does not allow upper-case ones.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(digits[0])? << 4 | digit(digits[1])?;
    }
    Some(bytes)
}

/// Returns whether this is a member of a `tracestate`: a key and a value of at most 256 characters each.
fn is_state(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let in_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let in_value = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    (1..=256).contains(&key.len())
        && (1..=256).contains(&value.len())
        && key.bytes().all(in_key)
        && value.bytes().all(in_value)
}
