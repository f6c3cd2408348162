//! A small collector: takes OTLP by http/protobuf and gRPC, at most 4 MiB in a request, keeps every byte, and fails as it is
//! told to.

use std::convert::Infallible;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::oneshot;

use crate::world::LONG;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mood {
    Fine,
    /// Takes the request and never answers.
    Swallows,
    Slow(Duration),
    Answers(StatusCode),
    /// 429 once, with a `retry-after` of one second; then fine.
    BusyOnce,
    /// 200, and a page for people.
    Page,
    /// Bytes that are not HTTP.
    Noise,
    /// Rejects so many spans or data points of each request.
    Rejects(i64),
}

/// The default limit of gRPC.
pub(crate) const MAX_MESSAGE: usize = 4 * 1_024 * 1_024;

#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Clone, Debug)]
struct Desk {
    mood: Arc<Mutex<Mood>>,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    desk: Desk,
    /// Its drop closes the collector and every connection to it.
    _close: oneshot::Sender<Infallible>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// At an address where one was before, as soon as it can be had: meanwhile a connection may have been given its port.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let begun = Instant::now();
        let listener = loop {
            match TcpListener::bind(address) {
                Ok(listener) => break listener,
                Err(error) => assert!(begun.elapsed() < LONG, "{address}: {error}"),
            }
            thread::sleep(Duration::from_millis(1));
        };
        let address = listener.local_addr().unwrap();
        let desk = Desk { mood: Arc::new(Mutex::new(Mood::Fine)), arrived: Arc::default() };
        let (close, closed) = oneshot::channel::<Infallible>();
        let serving = serve(listener, desk.clone());
        // A runtime of its own, so that a test's may be a current-thread one that waits.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! { _ = closed => {}, () = serving => {} }
            });
        });
        Self { address, desk, _close: close }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        *self.desk.mood.lock().unwrap() = mood;
    }

    /// Every byte that arrived.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.desk.arrived.lock().unwrap().iter().flat_map(|it| it.body.to_vec()).collect()
    }

    pub(crate) fn look<R>(&self, at: impl FnOnce(&[Arrived]) -> R) -> R {
        at(&self.desk.arrived.lock().unwrap())
    }

    pub(crate) fn traces(&self) -> Vec<ExportTraceServiceRequest> {
        self.decoded("race")
    }

    pub(crate) fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        self.decoded("etrics")
    }

    /// How many data points arrived.
    pub(crate) fn points(&self) -> u64 {
        let resources = self.metrics().into_iter().flat_map(|request| request.resource_metrics);
        let metrics = resources.flat_map(|it| it.scope_metrics).flat_map(|it| it.metrics);
        let points = metrics.map(|metric| match metric.data.expect("a metric has data") {
            Data::Histogram(histogram) => histogram.data_points.len() as u64,
            Data::Sum(sum) => sum.data_points.len() as u64,
            other => panic!("a metric of another kind: {other:?}"),
        });
        points.sum()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let resources = self.traces().into_iter().flat_map(|request| request.resource_spans);
        resources.flat_map(|it| it.scope_spans).flat_map(|it| it.spans).collect()
    }

    fn decoded<M: Message + Default>(&self, of: &str) -> Vec<M> {
        let decode = |arrived: &Arrived| M::decode(arrived.body.clone()).expect("it is what it says");
        self.look(|all| all.iter().filter(|it| it.path.contains(of)).map(decode).collect())
    }
}

async fn serve(listener: TcpListener, desk: Desk) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let Ok((mut connection, _)) = listener.accept().await else { return };
        let desk = desk.clone();
        if *desk.mood.lock().unwrap() == Mood::Noise {
            let _ = connection.write_all(b"\x15\x03\x01 this is no HTTP at all\r\n\r\n").await;
            continue;
        }
        tokio::spawn(async move {
            // HTTP/2 begins with words of its own.
            let mut first = [0];
            let _ = connection.peek(&mut first).await;
            let service = service_fn(|request| answer(desk.clone(), request));
            let io = TokioIo::new(connection);
            if first == *b"P" && is_http2(io.inner()).await {
                let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
            } else {
                let _ = http1::Builder::new().serve_connection(io, service).await;
            }
        });
    }
}

/// `POST` begins with the same letter as `PRI`.
async fn is_http2(connection: &tokio::net::TcpStream) -> bool {
    let mut first = [0; 3];
    while connection.peek(&mut first).await.is_ok_and(|read| (1..3).contains(&read)) {}
    first == *b"PRI"
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(desk: Desk, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().map(str::to_owned);
    let is_grpc = path.starts_with("/opentelemetry.");
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = message(is_grpc, &parts.headers, body);
    let mut mood = *desk.mood.lock().unwrap();
    if body.len() > MAX_MESSAGE {
        mood = Mood::Answers(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let keeps = matches!(mood, Mood::Fine | Mood::Slow(_) | Mood::Rejects(_));
    if keeps {
        desk.arrived.lock().unwrap().push(Arrived { path, query, headers: parts.headers, body });
    }
    match mood {
        Mood::Swallows => std::future::pending().await,
        Mood::Slow(time) => tokio::time::sleep(time).await,
        Mood::BusyOnce => *desk.mood.lock().unwrap() = Mood::Fine,
        _ => {}
    }
    Ok(if is_grpc { grpc(mood) } else { http(mood) })
}

/// The message of a request, uncompressed.
fn message(is_grpc: bool, headers: &HeaderMap, body: Bytes) -> Bytes {
    // A message of gRPC begins with a flag, whether it is compressed, and its length.
    let (is_gzip, body) = match is_grpc {
        true if body.len() < 5 => return body,
        true => (body[0] == 1, body.slice(5..)),
        false => (headers.get(CONTENT_ENCODING).is_some_and(|it| it == "gzip"), body),
    };
    if !is_gzip {
        return body;
    }
    let mut message = Vec::new();
    GzDecoder::new(&body[..]).read_to_end(&mut message).expect("it is gzip");
    message.into()
}

/// The response of both signals.
fn response(mood: Mood) -> Vec<u8> {
    let mut message = ExportTraceServiceResponse::default();
    if let Mood::Rejects(rejected_spans) = mood {
        let error_message = "too\nmany".to_owned();
        message.partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
    }
    message.encode_to_vec()
}

fn http(mood: Mood) -> Response<Body> {
    let (status, body) = match mood {
        Mood::Answers(status) => (status, Bytes::new()),
        Mood::BusyOnce => (StatusCode::TOO_MANY_REQUESTS, Bytes::new()),
        Mood::Page => (StatusCode::OK, Bytes::from_static(b"<html>Welcome to the hotel's network</html>")),
        _ => (StatusCode::OK, response(mood).into()),
    };
    let mut response = Response::new(Full::new(body).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    if mood == Mood::BusyOnce {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The response, and the status behind it.
fn grpc(mood: Mood) -> Response<Body> {
    let status = match mood {
        Mood::Answers(StatusCode::PAYLOAD_TOO_LARGE) => "8",
        Mood::Answers(_) => "7",
        Mood::BusyOnce => "14",
        _ => "0",
    };
    let mut trailers = HeaderMap::new();
    trailers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static(status));
    let message = response(mood);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let framed = [&[0], &length[..], &message].concat();
    let frames = [Frame::data(framed.into()), Frame::trailers(trailers)];
    let frames = futures::stream::iter(frames.map(Ok::<_, Infallible>));
    let mut response = Response::new(StreamBody::new(frames).boxed());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
