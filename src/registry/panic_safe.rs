use std::mem::needs_drop;

use super::catch::catch;
use super::listener_states::deeper;

/// A value of foreign code. A panic in its drop ends here: else it came out of whatever call lets go of it last, or aborted
/// the process when that is a thread on its way out.
pub(super) struct PanicSafe<T>(Option<T>);

impl<T> PanicSafe<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    #[inline]
    pub(super) fn get(&self) -> &T {
        self.0.as_ref().expect("it is there until it is dropped")
    }

    /// For a value that comes later.
    pub(super) fn empty() -> Self {
        Self(None)
    }

    #[inline]
    pub(super) fn here(&self) -> Option<&T> {
        self.0.as_ref()
    }

    #[inline]
    pub(super) fn put(&mut self, value: T) {
        self.0 = Some(value);
    }

    #[inline]
    pub(super) fn take(&mut self) -> Option<T> {
        self.0.take()
    }
}

impl<T> Drop for PanicSafe<T> {
    fn drop(&mut self) {
        if needs_drop::<T>()
            && let Err(caught) = deeper(|| catch(|| drop(self.0.take())))
        {
            caught.swallow();
        }
    }
}
