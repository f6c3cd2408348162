use std::fmt;

use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::sender::Sender;
use super::span_request::{SpanRequest, truncate};
use super::span_size::span_size;

/// Sends batches of spans, each in as many requests as its size needs. The SDK calls it on a thread of its own.
pub(super) struct OtlpSpanExporter {
    pub(super) sender: Sender,
    pub(super) resource: ResourceAttributesWithSchema,
    /// The largest length of the text of an attribute, in characters.
    pub(super) max_length: Option<usize>,
}

impl OtlpSpanExporter {
    /// Sends what was collected, and begins a new request.
    async fn send(&self, request: &mut SpanRequest<'_>) -> OTelSdkResult {
        match request.take() {
            (_, 0, _) => Ok(()),
            (message, count, queued_bytes) => self.sender.send(&message, count, queued_bytes).await,
        }
    }
}

impl SpanExporter for OtlpSpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut request = SpanRequest::new(&self.resource);
        let mut result = Ok(());
        for span in batch {
            let queued_bytes = span_size(&span);
            let scope = span.instrumentation_scope.clone();
            let mut span = span.into();
            if let Some(max_length) = self.max_length {
                truncate(&mut span, max_length);
            }
            if !request.has_room_for(&scope, &span) {
                result = result.and(self.send(&mut request).await);
            }
            request.push(scope, span, queued_bytes);
        }
        result.and(self.send(&mut request).await)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

impl fmt::Debug for OtlpSpanExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtlpSpanExporter")
    }
}
