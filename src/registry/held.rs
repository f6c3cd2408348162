use std::mem::needs_drop;

use super::fence::fence;

/// A value of foreign code. A panic in its drop ends here: else it came out of whatever call lets go of it last, or aborted
/// the process when that is a thread on its way out.
pub(super) struct Held<T>(Option<T>);

impl<T> Held<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    #[inline]
    pub(super) fn get(&self) -> &T {
        self.0.as_ref().expect("it is there until it is dropped")
    }

    pub(super) fn into_inner(mut self) -> T {
        self.0.take().expect("it is there until it is dropped")
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        if needs_drop::<T>()
            && let Err(caught) = fence(|| drop(self.0.take()))
        {
            caught.swallow();
        }
    }
}
