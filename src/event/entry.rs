use super::value::ValueRef;

/// One key and value of an event.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a str,
    /// The value.
    pub value: ValueRef<'a>,
    /// Whether the key is user-defined. Otherwise it is a key of the catalogue.
    pub from_user: bool,
}

impl<'a> Entry<'a> {
    pub(crate) fn standard(key: &'a str, value: ValueRef<'a>) -> Self {
        Self { key, value, from_user: false }
    }

    pub(crate) fn number(key: &'a str, value: u64) -> Self {
        Self::standard(key, ValueRef::Number(value.into()))
    }

    pub(crate) fn user(key: &'a str, value: ValueRef<'a>) -> Self {
        Self { key, value, from_user: true }
    }
}

/// Called with each entry of an event, in order.
pub(crate) type Visit<'v, 'a> = &'v mut dyn FnMut(Entry<'a>);

/// The entries of an event, in order.
#[derive(Clone, Debug)]
pub struct Entries<'a>(std::vec::IntoIter<Entry<'a>>);

impl<'a> Entries<'a> {
    pub(crate) fn collect(visit_all: impl FnOnce(Visit<'_, 'a>)) -> Self {
        // Most events have fewer entries.
        let mut entries = Vec::with_capacity(24);
        visit_all(&mut |entry| entries.push(entry));
        Self(entries.into_iter())
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Entries<'_> {}
