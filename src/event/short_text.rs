use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// A text that is copied from the caller for each span, such as the name of a model. A short one is stored inline: to allocate
/// it was 15 of the 155 ns of an observed span.
#[derive(Clone)]
pub(crate) enum ShortText {
    Inline { len: u8, bytes: [u8; Self::MAX_INLINE] },
    Allocated(Box<str>),
}

impl ShortText {
    /// As many as make it no larger than a `String`.
    const MAX_INLINE: usize = 22;
}

impl From<Cow<'_, str>> for ShortText {
    #[inline]
    fn from(text: Cow<'_, str>) -> Self {
        let mut bytes = [0; Self::MAX_INLINE];
        match bytes.get_mut(..text.len()) {
            Some(used) => {
                used.copy_from_slice(text.as_bytes());
                Self::Inline { len: text.len() as u8, bytes }
            }
            None => Self::Allocated(text.into_owned().into()),
        }
    }
}

impl Deref for ShortText {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Inline { len, bytes } => {
                str::from_utf8(&bytes[..usize::from(*len)]).expect("the bytes are those of a `str`")
            }
            Self::Allocated(text) => text,
        }
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::ShortText;

    #[test]
    fn a_text_is_the_same_whether_or_not_it_is_stored_inline() {
        assert_eq!(size_of::<ShortText>(), size_of::<String>());
        for text in ["", "gpt-5", &"x".repeat(22), &"x".repeat(23), &"ä".repeat(11), &"ä".repeat(12)] {
            assert_eq!(&*ShortText::from(Cow::Borrowed(text)), text);
        }
    }
}
