//! What a process has one of: the global handle and the panic hook. A program of its own, so that no other test sees them.

#[cfg(feature = "json-lines")]
mod end_of_main;
mod global;
mod init;
mod panic_backtraces;
#[path = "../support/mod.rs"]
mod support;
