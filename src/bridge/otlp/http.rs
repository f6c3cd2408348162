use std::error::Error;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::counts::Verdict;

/// An HTTP client that remembers what the last answer meant: the OTLP exporter above it says only whether it was a
/// success.
#[derive(Clone, Debug)]
pub(super) struct RecordingClient {
    client: Arc<dyn HttpClient>,
    last: Arc<Mutex<Option<Verdict>>>,
}

impl RecordingClient {
    pub(super) fn new(client: Arc<dyn HttpClient>) -> Self {
        Self { client, last: Arc::default() }
    }

    /// A copy for another signal, whose answers are its own.
    pub(super) fn apart(&self) -> Self {
        Self::new(self.client.clone())
    }

    /// What the last answer meant, once.
    pub(super) fn heard(&self) -> Option<Verdict> {
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
            // A retry's answer counts, not the one before it.
            drop(self.heard());
            let answer = self.client.send_bytes(request).await;
            let verdict = match &answer {
                Ok(response) => verdict(response),
                Err(error) => lost(error.as_ref()),
            };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
            answer
        })
    }
}

/// What an answer means. The responses of all signals have the same form.
fn verdict(response: &Response<Bytes>) -> Verdict {
    let status = response.status();
    if !status.is_success() {
        return Verdict::Failed(format!("HTTP status {status}"));
    }
    match ExportTraceServiceResponse::decode(response.body().clone()) {
        Ok(answer) => {
            let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_spans);
            Verdict::Accepted { rejected: u64::try_from(rejected).unwrap_or(0) }
        }
        // Something answers there, but no collector.
        Err(_) => Verdict::Unanswered(format!("HTTP status {status}, and no OTLP answer")),
    }
}

/// What it means that no answer came. Told without the address, whose path and query may hold a key.
fn lost(error: &(dyn Error + 'static)) -> Verdict {
    let mut cause = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(
                kind @ (ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NotFound),
            ) => {
                return Verdict::Failed(format!("cannot connect: {kind}"));
            }
            _ => cause = error.source(),
        }
    }
    Verdict::Unanswered("the connection gave no answer".to_owned())
}
