//! Propagation: a context in the headers of a request to another process.
//!
//! `inject` writes a context as headers, `extract` reads them into a context. Both call closures in place of a map, so
//! they work with any: HTTP headers, the metadata of gRPC, the `_meta` of a tool call. Four headers are used:
//!
//! - `x-request-id` is the request id.
//! - `traceparent` and `tracestate` are the position in a trace of OpenTelemetry, from W3C Trace Context. A listener that
//!   creates such spans (`bridge::otel`) returns it for its state when a context is injected; it costs nothing before. What
//!   was extracted is stored in the node of the scope. The listener uses it as the parent of the outermost span inside,
//!   and it is injected again as it was received where there is no such span.
//! - `baggage` is from W3C Baggage. Only keys on the two lists of a [`Propagation`] are written and read.
//!
//! Nothing that is received is an error: what is malformed is ignored and counted.

mod baggage;
mod headers;
mod settings;

pub use settings::Propagation;
