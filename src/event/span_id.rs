use std::cell::Cell;
use std::fmt;

use rand::TryRng as _;
use rand::rngs::SysRng;

/// The id of a span: 64 random bits, never 0, displayed as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(u64);

impl SpanId {
    /// Generates an id. Each thread has its own sequence, which begins at a random position.
    pub(crate) fn next() -> Self {
        thread_local! {
            /// 0 before the thread's first id.
            static POSITION: Cell<u64> = const { Cell::new(0) };
        }
        let last = match POSITION.get() {
            // `rand`'s thread-local generator is not used, because it is not accessible while the thread exits.
            0 => SysRng.try_next_u64().expect("failed to read from the operating system's random source"),
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

    /// Parses the output of `Display`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }

    /// The digits that `Display` writes, without the machinery of `format!`: 120 instructions less for each exported span.
    pub(crate) fn hex_digits(self) -> [u8; 16] {
        std::array::from_fn(|index| b"0123456789abcdef"[(self.0 >> (60 - 4 * index)) as usize & 15])
    }

    /// [`hex_digits`](Self::hex_digits) as text.
    pub(crate) fn to_hex(self) -> String {
        self.hex_digits().into_iter().map(char::from).collect()
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
