use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// A span's part in who tells the tokens: those of a nested pair of calls stand on one span, or a backend counts them
/// twice.
#[derive(Debug)]
pub(super) struct Client {
    /// Whether it is a call of a model.
    is_call: bool,
    told: AtomicBool,
    /// This call, made when something is opened inside: most calls have nothing inside.
    call: OnceLock<Arc<Call>>,
    /// The nearest call around.
    around: Weak<Call>,
}

/// A call of a model, to those inside it.
#[derive(Debug, Default)]
struct Call {
    tokens: AtomicU8,
    /// Weak: a task that spawns its successor for ever, each inside the last, would else keep them all.
    around: Weak<Call>,
}

const UNTOLD: u8 = 0;
const TOLD_INSIDE: u8 = 1;
const TOLD_HERE: u8 = 2;

impl Client {
    /// Of a span inside another.
    pub(super) fn new(is_call: bool, around: Option<&Self>) -> Self {
        let around = around.map_or_else(Weak::new, Self::nearest);
        Self { is_call, told: AtomicBool::new(false), call: const { OnceLock::new() }, around }
    }

    /// Whether its tokens are to be told here: it is a call, and none inside or around it has told some. Asked once, by a
    /// span that has some.
    pub(super) fn tells(&self) -> bool {
        if !self.is_call {
            return false;
        }
        self.told.store(true, Ordering::Relaxed);
        let told_inside = self.call.get().is_some_and(|call| call.mark(TOLD_HERE) != TOLD_HERE);
        !told_inside && !self.told_around()
    }

    /// The nearest call, this one or around it.
    fn nearest(&self) -> Weak<Call> {
        if !self.is_call {
            return self.around.clone();
        }
        let make = || Arc::new(Call { around: self.around.clone(), ..Call::default() });
        let call = self.call.get_or_init(make);
        if self.told.load(Ordering::Relaxed) {
            call.mark(TOLD_HERE);
        }
        Arc::downgrade(call)
    }

    fn told_around(&self) -> bool {
        let mut told = false;
        let mut around = self.around.upgrade();
        while let Some(call) = around {
            told |= call.mark(TOLD_INSIDE) == TOLD_HERE;
            around = call.around.upgrade();
        }
        told
    }
}

impl Call {
    /// Marks it, unless it is marked; gives the mark it has then.
    fn mark(&self, mark: u8) -> u8 {
        let marked = self.tokens.compare_exchange(UNTOLD, mark, Ordering::Relaxed, Ordering::Relaxed);
        marked.map_or_else(|before| before, |_| mark)
    }
}
