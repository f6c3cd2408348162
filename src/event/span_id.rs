use std::cell::Cell;
use std::fmt;

use rand::TryRng as _;
use rand::rngs::SysRng;

/// A span's id: 64 bits, shown as 16 hex digits. Random, never 0, and not repeating across processes in practice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(u64);

impl SpanId {
    /// Makes a new id. Each thread walks a sequence of its own from a random position, which is drawn once a thread.
    pub(crate) fn next() -> Self {
        thread_local! {
            /// 0 before the thread's first id.
            static POSITION: Cell<u64> = const { Cell::new(0) };
        }
        let last = match POSITION.get() {
            // From the system, because the generator that `rand` keeps for each thread is gone when the thread ends.
            0 => SysRng.try_next_u64().expect("the system has random bytes"),
            position => position,
        };
        // SplitMix64 (Steele, Lea, Flood 2014): a Weyl sequence, then a bijective mix, so no repeat within 2^64.
        let position = last.wrapping_add(0x9e37_79b9_7f4a_7c15);
        POSITION.set(position);
        let mut mixed = position;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // Protocols that carry 8 bytes read 0 as "no span".
        Self(mixed.max(1))
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }

    /// Returns the id as a number, for protocols that carry 8 bytes.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}
