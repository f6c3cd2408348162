//! Floor 2: what this task knows. The request id, the span it is inside, and the handle it emits to.
//!
//! A context crosses tasks in a tokio task-local ([`current`]'s `TASK`): `spawn`, scopes and everything else that
//! carries a context enter it around each poll. A span's own polls keep it in a thread-local cell instead (`NOW`),
//! which hides the task-local and is swapped in and out around each poll just the same: entering a task-local costs
//! 5 ns, and a token must not. Neither needs a drop, so both work while a thread is torn down.

mod carried;
mod counting;
#[expect(clippy::disallowed_types, reason = "it has the one task-local")]
mod current;
mod global;
mod handle;
mod node;
mod scope;

pub use carried::InContext;
pub use global::{attach, attach_many, detach, execute, list_handlers, listen, subscribe, subscribe_with};
pub use handle::{Context, current_request_id};
pub use scope::with_request_id;

pub(crate) use current::{ambient, around, enter, enter_bare, is_current, is_entered, is_outside, lend};
pub(crate) use node::{Node, Place, Unshared};
