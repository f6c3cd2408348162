//! The text of the header `baggage`: <https://www.w3.org/TR/baggage/>.

use std::borrow::Cow;

use crate::event::trim;

/// The limits that every system must be able to pass on.
const MAX_BYTES: usize = 8_192;
const MAX_MEMBERS: usize = 64;

/// An earlier version of the specification allowed more members, of fewer bytes each.
const MAX_MEMBERS_READ: usize = 180;

/// Writes baggage entries as a header value, and counts those that cannot be sent: their key is not a token, or the value would
/// exceed the limits.
pub(super) fn encode<'a>(
    entries: impl Iterator<Item = (&'a str, Cow<'a, str>)>,
    mut ignored: impl FnMut(),
) -> String {
    let (mut header, mut members) = (String::new(), 0);
    for (key, value) in entries {
        let separator = if header.is_empty() { "" } else { "," };
        let member = format!("{separator}{key}={}", percent_encode(&value));
        if is_token(key) && members < MAX_MEMBERS && header.len() + member.len() <= MAX_BYTES {
            header.push_str(&member);
            members += 1;
        } else {
            ignored();
        }
    }
    header
}

/// Reads a header value. Calls `each` with the key and value of each member, or with `None` for one that is malformed or
/// beyond the limits. Properties of members are not read.
pub(super) fn decode(header: &str, mut each: impl FnMut(Option<(&str, String)>)) {
    let mut bytes = 0;
    for (index, member) in header.split(',').enumerate() {
        bytes += member.len() + 1;
        // An empty member is allowed in a list of HTTP, and means nothing.
        if trim(member).is_empty() {
            continue;
        }
        if index >= MAX_MEMBERS_READ || bytes > MAX_BYTES + 1 {
            return each(None);
        }
        each(parse(member));
    }
}

fn parse(member: &str) -> Option<(&str, String)> {
    let without_properties = member.split(';').next()?;
    let (key, value) = without_properties.split_once('=')?;
    let (key, value) = (trim(key), trim(value));
    // More than the specification allows: some senders do not encode a backslash or a quote.
    let is_valid = is_token(key) && value.bytes().all(|byte| byte.is_ascii_graphic());
    is_valid.then(|| (key, percent_decode(value)))
}

/// Returns whether the text is a token as HTTP defines it: RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(in_token)
}

/// Returns whether a byte stands for itself in a value: visible ASCII without the characters that delimit.
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\%".contains(&byte)
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        // `=` is allowed, but some readers end the value there.
        if is_octet(byte) && byte != b'=' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Decodes a value. A `%` that two hex digits do not follow stands for itself; bytes that are not UTF-8 are replaced.
fn percent_decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let encoded = tail.first_chunk().filter(|_| *byte == b'%').and_then(hex_byte);
        decoded.push(encoded.unwrap_or(*byte));
        rest = if encoded.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_byte(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}
