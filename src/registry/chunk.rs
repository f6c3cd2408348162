use std::time::Duration;

/// A chunk of a stream, as a listener receives it. Passed to [`Listener::on_chunk`](crate::Listener::on_chunk).
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    pub(crate) gap: Duration,
    pub(crate) content_free: bool,
}

impl Chunk {
    /// Returns for how long the stream waited since the last chunk with content: zero if this one was ready, and the sum
    /// of several waits if content-free chunks came in between. The time of the consumer is not included.
    #[must_use]
    pub fn gap(&self) -> Duration {
        self.gap
    }

    /// Returns whether it is content-free, such as a ping. Such a chunk does not end the wait for the next chunk with content.
    #[must_use]
    pub fn is_content_free(&self) -> bool {
        self.content_free
    }
}
