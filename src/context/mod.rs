//! Layer 2: what the current code knows of the request, the span and the handle around it.
//!
//! A [`Context`] is a pointer to a node in a tree. A node is an observed span, or a scope that changes what is inherited:
//! the request id or the handle. Nodes point to their parents, so a span finds its parent, its request and its handle by
//! going up, and a context that is cloned, sent to another task or kept longer than its span still knows them. A request
//! that nobody observes has no node: its context holds the bits of its id, whose text is made when it is first read, so
//! it allocates nothing.
//!
//! The current context is in one slot, a tokio task-local. [`Context::enter`] moves a context into the slot, runs a poll,
//! and moves it back out; it is the only way in. Between polls the slot is as it was before, so neighbours in a `join!`
//! never see each other. The slot is made of cells and needs no drop, because a thread-local that does cannot be reached
//! while its thread is torn down, and a span may end there.
//!
//! What is polled later (a wrapped future, a scope, `in_current_context`) remembers the context it was built in, and
//! settles at its first poll: [`Context::settle`] decides between that context and the one of the poll. Then a scope
//! changes its own part, and a span adds itself. So scopes can be nested in any order, and a wrapped future can be
//! spawned anywhere.
//!
//! Listeners keep their states on the nodes. A poll that enters a node runs [inside those](Node::around) that ask for it.

mod carried;
mod context;
mod counting;
#[expect(clippy::disallowed_types, reason = "it has the one task-local")]
mod current;
mod global;
mod node;
mod scope;
mod settle;

pub use carried::InContext;
pub use context::Context;
pub use current::current_request_id;
pub use global::{attach, attach_many, detach, execute, list_handlers, listen, subscribe, subscribe_with};
pub use scope::with_request_id;

pub(crate) use carried::Scope;
pub(crate) use current::enter_span;
pub(crate) use node::{Kind, Node};
