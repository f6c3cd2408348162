use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use opentelemetry_http::HttpClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::answer::{Answer, Retry};
use super::endpoint::Endpoint;
use super::export_counts::ExportResult;

/// Sends requests by http/protobuf.
pub(super) struct HttpTransport {
    client: Arc<dyn HttpClient>,
    endpoint: Endpoint,
    headers: HeaderMap,
    is_gzip: bool,
}

impl HttpTransport {
    pub(super) fn new(
        client: Arc<dyn HttpClient>,
        endpoint: Endpoint,
        mut headers: HeaderMap,
        is_gzip: bool,
    ) -> Self {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        if is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Self { client, endpoint, headers, is_gzip }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the body of a request, which is the same for every attempt.
    pub(super) fn body(&self, message: Vec<u8>) -> Bytes {
        if !self.is_gzip {
            return message.into();
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing to a `Vec` does not fail.
        let _ = encoder.write_all(&message);
        encoder.finish().unwrap_or_default().into()
    }

    pub(super) async fn send(&self, body: Bytes) -> Answer {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.uri().clone();
        *request.headers_mut() = self.headers.clone();
        match self.client.send_bytes(request).await {
            Ok(response) => self.answer(response),
            Err(error) => Answer::of_error(error.as_ref(), &self.endpoint),
        }
    }

    fn answer(&self, response: Response<Bytes>) -> Answer {
        let (status, endpoint) = (response.status(), &self.endpoint);
        if status.is_success() {
            return match ExportTraceServiceResponse::decode(response.body().clone()) {
                Ok(response) => Answer::accepted(response),
                // Something answers at this address, but it is not a collector.
                Err(_) => Answer::last(ExportResult::Unanswered(format!(
                    "HTTP status {status} from {endpoint}, but not an OTLP response"
                ))),
            };
        }
        let result = ExportResult::Failed(format!("HTTP status {status} from {endpoint}"));
        let retry = match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                retry_after(response.headers()).map_or(Retry::Later, Retry::After)
            }
            _ => Retry::No,
        };
        Answer { result, retry }
    }
}

/// Reads how many seconds to wait. A date, which the header may have as well, counts as not given.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
