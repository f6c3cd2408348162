use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};

/// A call of a model, to those inside it: the tokens of a nested pair stand on one span, or a backend counts them twice.
#[derive(Debug, Default)]
pub(super) struct Client {
    tokens: AtomicU8,
    /// The nearest one around. Weak: a task that spawns its successor for ever, each inside the last, would else keep
    /// them all.
    around: Weak<Client>,
}

const UNTOLD: u8 = 0;
const TOLD_INSIDE: u8 = 1;
const TOLD_HERE: u8 = 2;

impl Client {
    pub(super) fn inside(around: Weak<Self>) -> Arc<Self> {
        Arc::new(Self { tokens: AtomicU8::new(UNTOLD), around })
    }

    /// Whether its tokens are to be told here: nobody inside or around it has. Asked once, by a span that has some.
    pub(super) fn tells(&self) -> bool {
        if self.mark(TOLD_HERE) != TOLD_HERE {
            return false;
        }
        let mut told_around = false;
        let mut around = self.around.upgrade();
        while let Some(client) = around {
            told_around |= client.mark(TOLD_INSIDE) == TOLD_HERE;
            around = client.around.upgrade();
        }
        !told_around
    }

    /// Marks it, unless it is marked; gives the mark it has then.
    fn mark(&self, mark: u8) -> u8 {
        let marked = self.tokens.compare_exchange(UNTOLD, mark, Ordering::Relaxed, Ordering::Relaxed);
        marked.map_or_else(|before| before, |_| mark)
    }
}
