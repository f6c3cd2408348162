/// A few values in order, the first of them in place: there is one, most times.
pub(super) struct Few<T> {
    first: Option<T>,
    /// Empty if there is no first.
    more: Vec<T>,
}

impl<T> Few<T> {
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.more)
    }

    /// The first and the rest.
    #[inline]
    pub(super) fn split(&self) -> Option<(&T, &[T])> {
        self.first.as_ref().map(|first| (first, &self.more[..]))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.first.iter_mut().chain(&mut self.more)
    }

    /// Puts a value behind all that have no greater key.
    pub(super) fn insert_by_key<K: Ord>(&mut self, value: T, key: impl Fn(&T) -> K) {
        let of_value = key(&value);
        match &mut self.first {
            None => self.first = Some(value),
            Some(first) if of_value < key(first) => self.more.insert(0, std::mem::replace(first, value)),
            Some(_) => {
                let place = self.more.partition_point(|other| key(other) <= of_value);
                self.more.insert(place, value);
            }
        }
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = T> {
        self.first.into_iter().chain(self.more)
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { first: None, more: Vec::new() }
    }
}
