use std::error::Error as _;
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::HeaderMap;
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::answer::{Answer, Retry, quoted};
use super::export_counts::ExportResult;

/// Sends requests by gRPC.
pub(super) struct GrpcTransport {
    client: Grpc<Channel>,
    method: PathAndQuery,
    metadata: MetadataMap,
    /// The collector, in errors.
    to: String,
    timeout: Duration,
}

impl GrpcTransport {
    pub(super) fn new(
        channel: Channel,
        to: String,
        method: PathAndQuery,
        headers: HeaderMap,
        is_gzip: bool,
        timeout: Duration,
    ) -> Self {
        let client = Grpc::new(channel);
        let client = match is_gzip {
            true => {
                client.send_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Gzip)
            }
            false => client,
        };
        Self { client, method, metadata: MetadataMap::from_headers(headers), to, timeout }
    }

    pub(super) fn to(&self) -> &str {
        &self.to
    }

    pub(super) async fn send(&self, message: Bytes) -> Answer {
        let mut client = self.client.clone();
        if let Err(error) = client.ready().await {
            return Answer::of_error(&error, &self.to);
        }
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request.set_timeout(self.timeout);
        match client.unary(request, self.method.clone(), ExportCodec).await {
            Ok(response) => Answer::accepted(response.into_inner()),
            Err(status) => self.answer(&status),
        }
    }

    fn answer(&self, status: &Status) -> Answer {
        // A status that the collector sent has no source.
        if status.source().is_some() {
            return Answer::of_error(status, &self.to);
        }
        let mut why = format!("gRPC status {:?} from {}", status.code(), self.to);
        if !status.message().is_empty() {
            why = format!("{why}: {}", quoted(status.message()));
        }
        let after = status.get_details_retry_info().and_then(|info| info.retry_delay);
        // As the specification of OTLP lists them.
        let retry = match (status.code(), after) {
            (Code::ResourceExhausted, None) => Retry::No,
            (Code::ResourceExhausted | Code::Unavailable, Some(delay)) => Retry::After(delay),
            (
                Code::Cancelled
                | Code::DeadlineExceeded
                | Code::Aborted
                | Code::OutOfRange
                | Code::Unavailable
                | Code::DataLoss,
                _,
            ) => Retry::Later,
            _ => Retry::No,
        };
        Answer { result: ExportResult::Failed(why), retry }
    }
}

/// Sends messages that are encoded already, so that their size is known and an attempt does not encode again.
struct ExportCodec;

impl Codec for ExportCodec {
    type Encode = Bytes;
    type Decode = ExportTraceServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for ExportCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for ExportCodec {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let message = buffer.copy_to_bytes(buffer.remaining());
        // The responses of both signals have the same form.
        let decoded = ExportTraceServiceResponse::decode(message);
        decoded.map(Some).map_err(|_| Status::internal("the answer is not an OTLP response"))
    }
}
