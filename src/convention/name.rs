use super::cardinality::Dimension;

/// The name that a convention gives to the spans of one [`SpanName`](crate::SpanName): `{operation} {subject}`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) operation: &'static str,
    /// The object of the operation. If its value is not known, the name is the operation alone.
    pub(super) subject: Option<Dimension>,
    pub(super) kind: SpanKind,
}

impl Name {
    pub(super) const fn client(operation: &'static str, subject: Dimension) -> Self {
        Self { operation, subject: Some(subject), kind: SpanKind::Client }
    }

    pub(super) const fn internal(operation: &'static str, subject: Option<Dimension>) -> Self {
        Self { operation, subject, kind: SpanKind::Internal }
    }
}

/// The role of a span in a tracing system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanKind {
    /// A request to a server, such as a call of a model.
    Client,
    /// Work of this process.
    Internal,
}
