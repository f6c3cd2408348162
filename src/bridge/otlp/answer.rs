use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::iter::successors;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;

use super::export_counts::ExportResult;

/// What an attempt to send a request came to.
pub(super) struct Answer {
    pub(super) result: ExportResult,
    pub(super) retry: Retry,
}

/// Whether the request is sent again.
#[derive(Clone, Copy)]
pub(super) enum Retry {
    No,
    Later,
    /// As late as the collector said.
    After(Duration),
}

/// The longest text of a collector that is repeated, in characters.
const MESSAGE: usize = 256;

impl Answer {
    /// The collector answered with a success, which may be a partial one. The responses of both signals have the same form.
    pub(super) fn accepted(response: ExportTraceServiceResponse) -> Self {
        let partial = response.partial_success.unwrap_or_default();
        let rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
        Self::last(ExportResult::Accepted { rejected, message: quoted(&partial.error_message) })
    }

    pub(super) fn last(result: ExportResult) -> Self {
        Self { result, retry: Retry::No }
    }

    /// There is no answer, because the connection failed.
    pub(super) fn of_error(error: &(dyn Error + 'static), to: &impl fmt::Display) -> Self {
        let causes = successors(Some(error), |&error| error.source());
        let mut kinds = causes.filter_map(|cause| cause.downcast_ref().map(io::Error::kind));
        let is_unreachable = |kind: &_| {
            matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NotFound)
        };
        // The text of the error itself may contain the whole URL.
        let result = match kinds.find(is_unreachable) {
            Some(kind) => ExportResult::Failed(format!("cannot connect to {to}: {kind}")),
            None => ExportResult::Unanswered(format!("the connection to {to} gave no answer")),
        };
        Self { result, retry: Retry::Later }
    }
}

/// Returns a text of the collector as it can be shown: short, and on one line.
pub(super) fn quoted(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MESSAGE).collect()
}
