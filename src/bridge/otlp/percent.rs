/// Decodes `%20` and its like, as in URLs and in lists of keys and values. `None` if an escape is incomplete or the result is
/// not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

/// Reads `key1=value1,key2=value2` with percent-encoded values. The error is the position of the invalid entry, from 1.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, usize> {
    let entries = text.split(',').enumerate().filter(|(_, entry)| !entry.trim().is_empty());
    let pair = |entry: &str| {
        let (key, value) = entry.split_once('=')?;
        let pair = (decode(key.trim())?, decode(value.trim())?);
        (!pair.0.is_empty()).then_some(pair)
    };
    entries.map(|(index, entry)| pair(entry).ok_or(index + 1)).collect()
}
