use std::error::Error;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::iter::successors;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::export_counts::ExportResult;

/// An HTTP client that records what the last answer meant. The OTLP exporter above it reports only whether it was a
/// success.
#[derive(Clone, Debug)]
pub(super) struct RecordingClient {
    client: Arc<dyn HttpClient>,
    last: Arc<Mutex<Option<ExportResult>>>,
}

impl RecordingClient {
    pub(super) fn new(client: Arc<dyn HttpClient>) -> Self {
        Self { client, last: Arc::default() }
    }

    /// Takes what the last answer meant.
    pub(super) fn take_last(&self) -> Option<ExportResult> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for RecordingClient {
    fn send_bytes<'a, 'sending>(&'a self, request: Request<Bytes>) -> Sending<'sending>
    where
        'a: 'sending,
        Self: 'sending,
    {
        Box::pin(async move {
            // This may be a retry: the answer to the attempt before it no longer counts.
            drop(self.take_last());
            let answer = self.client.send_bytes(request).await;
            let result = match &answer {
                Ok(response) => result_of_response(response),
                Err(error) => result_of_error(error.as_ref()),
            };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            answer
        })
    }
}

/// The responses of all signals have the same form.
fn result_of_response(response: &Response<Bytes>) -> ExportResult {
    let status = response.status();
    if !status.is_success() {
        return ExportResult::Failed(format!("HTTP status {status}"));
    }
    match ExportTraceServiceResponse::decode(response.body().clone()) {
        Ok(answer) => {
            let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_spans);
            ExportResult::Accepted { rejected: u64::try_from(rejected).unwrap_or(0) }
        }
        // Something answers at this address, but it is not a collector.
        Err(_) => ExportResult::Unanswered(format!("HTTP status {status}, but not an OTLP response")),
    }
}

/// The texts leave the address out, because its path and query may contain a key.
fn result_of_error(error: &(dyn Error + 'static)) -> ExportResult {
    let causes = successors(Some(error), |&error| error.source());
    let mut kinds = causes.filter_map(|cause| cause.downcast_ref().map(io::Error::kind));
    let is_unreachable = |kind: &_| {
        matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NotFound)
    };
    match kinds.find(is_unreachable) {
        Some(kind) => ExportResult::Failed(format!("cannot connect: {kind}")),
        None => ExportResult::Unanswered("the connection gave no answer".to_owned()),
    }
}
