use std::borrow::Cow;

use super::attribute::Attribute;

/// Takes attributes, one by one, where they are read.
///
/// A trait and not a closure, because it can say that it is to be inlined: what is called from many places is not, and an
/// attribute that is handed over as one is taken apart, moved and put together again.
pub(crate) trait Taker<'a> {
    fn take(&mut self, key: &'static str, value: Attribute<'a>);

    /// One whose key is the user's own.
    fn take_own(&mut self, key: Cow<'static, str>, value: Attribute<'a>);
}

impl<'a, F: FnMut(Cow<'static, str>, Attribute<'a>) + ?Sized> Taker<'a> for F {
    fn take(&mut self, key: &'static str, value: Attribute<'a>) {
        self(Cow::Borrowed(key), value);
    }

    fn take_own(&mut self, key: Cow<'static, str>, value: Attribute<'a>) {
        self(key, value);
    }
}
