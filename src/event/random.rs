//! Random numbers for ids.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _};

thread_local! {
    /// A cryptographic generator of this thread, seeded by the system at first use.
    ///
    /// A thread-local with a destructor cannot be reached while its thread ends, and a span that is dropped there needs
    /// ids too. `ManuallyDrop` removes the destructor, which would only overwrite the state; nothing leaks.
    static GENERATOR: RefCell<Option<ManuallyDrop<StdRng>>> = const { RefCell::new(None) };
}

/// Returns 64 random bits.
///
/// # Panics
///
/// If the system has no random bytes.
pub(super) fn next_u64() -> u64 {
    GENERATOR.with_borrow_mut(|generator| {
        let seeded = || StdRng::try_from_rng(&mut SysRng).expect("the system has random bytes");
        generator.get_or_insert_with(|| ManuallyDrop::new(seeded())).next_u64()
    })
}
