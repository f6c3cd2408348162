use std::ops::{Deref, DerefMut};

/// What most spans leave empty. A pointer: to read it is free, and the first write puts it on the heap.
#[derive(Clone, Debug)]
pub(crate) struct Rare<T>(Option<Box<T>>);

/// What a [`Rare`] shows before anything was written.
pub(crate) trait Empty: Clone + 'static {
    const EMPTY: &'static Self;
}

impl<T> Rare<T> {
    pub(crate) const fn empty() -> Self {
        Self(None)
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Empty> Deref for Rare<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: Empty> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::EMPTY.clone()))
    }
}
