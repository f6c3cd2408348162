use std::mem;

use opentelemetry::InstrumentationScope;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use prost::Message;

use super::sender::MAX_REQUEST;

/// Collects spans for a request that must not become too large.
pub(super) struct SpanRequest<'r> {
    resource: &'r ResourceAttributesWithSchema,
    scopes: Vec<(InstrumentationScope, ScopeSpans)>,
    count: u64,
    /// What the spans took in the queue.
    queued_bytes: usize,
    /// At least the size of the request when it is encoded.
    size: usize,
}

/// The tag and the length of a message that is a field of another one.
const FIELD: usize = 8;

impl<'r> SpanRequest<'r> {
    pub(super) fn new(resource: &'r ResourceAttributesWithSchema) -> Self {
        let mut request = Self { resource, scopes: Vec::new(), count: 0, queued_bytes: 0, size: 0 };
        request.size = request.message().encoded_len() + 3 * FIELD;
        request
    }

    /// Returns whether the request does not become too large with this span. One span always has room, because it
    /// cannot be divided.
    pub(super) fn has_room_for(&self, scope: &InstrumentationScope, span: &Span) -> bool {
        let scope_size = match self.scopes.iter().any(|(known, _)| known == scope) {
            true => 0,
            false => of_scope(scope).encoded_len() + FIELD,
        };
        self.count == 0 || self.size + scope_size + span.encoded_len() + FIELD <= MAX_REQUEST
    }

    pub(super) fn push(&mut self, scope: InstrumentationScope, span: Span, queued_bytes: usize) {
        self.count += 1;
        self.queued_bytes += queued_bytes;
        self.size += span.encoded_len() + FIELD;
        match self.scopes.iter_mut().find(|(known, _)| *known == scope) {
            Some((_, spans)) => spans.spans.push(span),
            None => {
                let spans = of_scope(&scope);
                self.size += spans.encoded_len() + FIELD;
                self.scopes.push((scope, ScopeSpans { spans: vec![span], ..spans }));
            }
        }
    }

    /// Returns the request, how many spans it has and what they took in the queue, and begins a new one.
    pub(super) fn take(&mut self) -> (ExportTraceServiceRequest, u64, usize) {
        let done = mem::replace(self, Self::new(self.resource));
        let mut message = done.message();
        let scopes = done.scopes.into_iter().map(|(_, spans)| spans);
        message.resource_spans[0].scope_spans.extend(scopes);
        (message, done.count, done.queued_bytes)
    }

    /// Returns the request without spans.
    fn message(&self) -> ExportTraceServiceRequest {
        let attributes = self.resource.attributes.0.clone();
        let resource = Some(Resource { attributes, ..Resource::default() });
        let schema_url = self.resource.schema_url.clone().unwrap_or_default();
        let resource_spans = vec![ResourceSpans { resource, scope_spans: Vec::new(), schema_url }];
        ExportTraceServiceRequest { resource_spans }
    }
}

fn of_scope(scope: &InstrumentationScope) -> ScopeSpans {
    let schema_url = scope.schema_url().map(ToOwned::to_owned).unwrap_or_default();
    ScopeSpans { scope: Some((scope, None).into()), spans: Vec::new(), schema_url }
}

/// Cuts the texts of attributes to so many characters, as `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` requires. The SDK does not.
pub(super) fn truncate(span: &mut Span, max_length: usize) {
    let events = span.events.iter_mut().flat_map(|event| &mut event.attributes);
    let links = span.links.iter_mut().flat_map(|link| &mut link.attributes);
    for KeyValue { value, .. } in span.attributes.iter_mut().chain(events).chain(links) {
        value.iter_mut().for_each(|value| truncate_value(value, max_length));
    }
}

fn truncate_value(AnyValue { value }: &mut AnyValue, max_length: usize) {
    match value {
        Some(any_value::Value::StringValue(text)) => {
            if let Some((end, _)) = text.char_indices().nth(max_length) {
                text.truncate(end);
            }
        }
        Some(any_value::Value::ArrayValue(array)) => {
            array.values.iter_mut().for_each(|value| truncate_value(value, max_length));
        }
        _ => {}
    }
}
