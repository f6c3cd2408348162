//! Layer 2: the current request id, span, baggage and [`Telemetry`](crate::Telemetry) handle.
//!
//! A [`Context`] is a pointer to a node in a tree. A node is a span, or a scope that changes the request id, the
//! baggage or the handle. A node references its parent, so that the parent span is found by walking up, even from a context
//! that was cloned, moved to another task or outlives its span. Each node has the request id, the baggage and the handle itself;
//! baggage is shared between nodes, and only a scope that adds to it allocates. A request that is not observed has no node: its
//! context stores a number from which the id is derived when it is first read, so nothing is allocated. A *draft* is the
//! node of a span that has not started.
//!
//! The current context is stored in one tokio task-local. [`Context::enter`] moves a context into it, runs a poll, and moves
//! it out again; nothing outside `current` sets it. Between polls the task-local has its previous value, so sibling futures
//! in a `join!` never see each other's context. The task-local has no destructor, because a thread-local with one is
//! inaccessible while its thread exits, and spans may end then.
//!
//! Wrappers that are polled later (a future in a span, a scope, `in_current_context`) store the context in which they were
//! created. At their first poll, [`Context::settle`] combines that context with the current one. Then a scope replaces
//! the request id or the handle or adds baggage, and a span adds its node. So scopes can be nested in any order, and a wrapped future can be
//! spawned on any task.
//!
//! Listener states are stored in the nodes. A poll that enters a node runs within [`Listener::around`](crate::Listener::around)
//! of the listeners that ask for it.

mod context;
mod counting;
#[expect(clippy::disallowed_types, reason = "this is the only task-local")]
mod current;
mod global;
mod in_context;
mod node;
mod propagation;
mod scope;
mod settle;

pub use context::Context;
pub use current::current_request_id;
pub use global::{
    attach, attach_many, detach, execute, list_handlers, listen, shutdown, shutdown_blocking, subscribe,
    subscribe_with,
};
pub use in_context::InContext;
pub use propagation::Propagation;
pub use scope::{with_baggage, with_request_id};

pub(crate) use counting::Counted;
pub(crate) use current::enter_span;
pub(crate) use in_context::Scope;
pub(crate) use node::{Kind, Node, Passed};
