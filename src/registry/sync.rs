//! The synchronisation primitives of this layer, in one place so that loom can replace them: under `--cfg allm_loom`, the models in
//! `tests/loom` run the code of this layer in every order that the memory model allows.

#[cfg(not(all(test, allm_loom)))]
mod real {
    pub(in super::super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
    pub(in super::super) use std::sync::{Mutex, MutexGuard};
    pub(in super::super) use std::thread_local;

    pub(in super::super) use dashmap::DashMap;
    pub(in super::super) use dashmap::mapref::entry::Entry as Place;

    /// A process-wide static. Loom's types have no `const` constructor, so its version is lazy.
    macro_rules! process_wide {
        (static $name:ident: $type:ty = $value:expr;) => {
            static $name: $type = $value;
        };
    }
    pub(in super::super) use process_wide;
}

#[cfg(not(all(test, allm_loom)))]
pub(super) use real::*;

#[cfg(all(test, allm_loom))]
pub(super) use super::models::shared::*;
