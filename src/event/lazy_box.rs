use std::ops::{Deref, DerefMut};

/// A value that is allocated on the first write. Until then, it is read as [`Empty::EMPTY`].
#[derive(Clone, Debug)]
pub(crate) struct LazyBox<T>(Option<Box<T>>);

/// A value that can be read before it is written.
pub(crate) trait Empty: Clone + 'static {
    const EMPTY: &'static Self;
}

impl<T> LazyBox<T> {
    /// Returns the value, if it was written.
    pub(super) fn as_written(&self) -> Option<&T> {
        self.0.as_deref()
    }

    pub(super) fn as_written_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T> Default for LazyBox<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Empty> Deref for LazyBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: Empty> DerefMut for LazyBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::EMPTY.clone()))
    }
}
