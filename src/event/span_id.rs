use std::cell::Cell;
use std::fmt;

use rand::TryRng as _;
use rand::rngs::SysRng;

/// A span's id: 64 bits, shown as 16 hex digits. Random, never 0, and not repeating across processes in practice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(u64);

thread_local! {
    /// Where this thread's sequence of ids stands; 0 before its first.
    static POSITION: Cell<u64> = const { Cell::new(0) };
}

impl SpanId {
    /// A new id. Each thread walks a sequence of its own from a random place: one draw a thread, not one a span.
    pub(crate) fn next() -> Self {
        let last = match POSITION.get() {
            0 => start(),
            position => position,
        };
        // SplitMix64 (Steele, Lea, Flood 2014): a Weyl sequence, then a bijective mix, so no repeat within 2^64.
        let position = last.wrapping_add(0x9e37_79b9_7f4a_7c15);
        POSITION.set(position);
        let mut mixed = position;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        Self(if mixed == 0 { 1 } else { mixed })
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }

    /// What `Display` writes, without its machinery.
    pub(crate) fn to_hex(self) -> String {
        let digit = |place: usize| b"0123456789abcdef"[(self.0 >> (60 - 4 * place)) as usize % 16];
        let text: [u8; 16] = std::array::from_fn(digit);
        // Digits are ASCII, so the fallback is never taken; it spares an `unsafe` and a panic.
        str::from_utf8(&text).unwrap_or_default().to_owned()
    }

    /// The id as a number, for protocols that carry 8 bytes.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }
}

/// A random place. Drawn from the system, because a thread's generator is gone in the thread's last moments.
///
/// # Panics
///
/// If the system has no random bytes, as every other generator does then.
fn start() -> u64 {
    SysRng.try_next_u64().expect("the system has random bytes")
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
