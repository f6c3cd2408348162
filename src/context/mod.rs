//! Floor 2: what this task knows. The request id, the span it is inside, and the handle it emits to.
//!
//! A context lies in what carries it: a wrapped future or stream, a scope, a spawned task. Around each poll, the thread is
//! told where (`NOW` in [`current`]) and afterwards what it was told before. Nothing is moved, counted or dropped for that,
//! so a token can pay for it, and it works while a thread is torn down.

mod carried;
mod current;
mod free;
mod handle;
mod node;
mod scope;

pub use carried::InContext;
pub use free::{attach, attach_many, detach, execute, list_handlers, listen, subscribe, subscribe_with};
pub use handle::{Context, current_request_id};
pub use scope::with_request_id;

pub(crate) use current::{ambient, around, enter, enter_quietly, is_current, is_outside};
pub(crate) use node::{Node, Place};
