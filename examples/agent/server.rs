//! A small OpenAI-compatible server on a loopback port, so that the examples need no key and no network.
//!
//! The answers are scripted, the traffic is real: HTTP and server-sent events, with pauses like those of a model,
//! tool calls in fragments, usage in the last chunk, and sometimes a 429 with `retry-after`.
//! This file has no telemetry.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, SendError, Sender};
use hyper::body::{Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

#[path = "script.rs"]
mod script;
use script::Reply;

/// Which faults the server injects.
#[allow(dead_code, reason = "other examples include this file by path and use one variant")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Faults {
    /// Every request is answered.
    None,
    /// Some requests get a 429.
    RateLimits,
    /// Some requests also fail with a 500, some streams end with an error event, and some connections are cut.
    All,
}

/// Starts the server in the current runtime and returns its base URL.
pub(crate) async fn start(faults: Faults) -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    tokio::spawn(async move {
        let requests = Arc::new(AtomicU64::new(0));
        loop {
            let Ok((connection, _)) = listener.accept().await else {
                // Too many open files, for example: accept again when others have closed.
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            let requests = requests.clone();
            let service = service_fn(move |request| answer(request, faults, requests.clone()));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
        }
    });
    Ok(base_url)
}

type Body = Channel<Bytes, io::Error>;
type Mouth = Sender<Bytes, io::Error>;

/// The fault of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    TooManyRequests,
    ServerError,
    /// An `error` object inside a stream that began with 200, as providers send it when they are overloaded.
    ErrorEvent,
    ConnectionCut,
}

impl Fault {
    /// Chosen by count and not at random, so that every run has each fault.
    fn of_request(number: u64, faults: Faults) -> Option<Self> {
        match number {
            _ if faults == Faults::None => None,
            n if n % 7 == 1 => Some(Self::TooManyRequests),
            _ if faults == Faults::RateLimits => None,
            n if n % 11 == 5 => Some(Self::ServerError),
            n if n % 13 == 9 => Some(Self::ErrorEvent),
            n if n % 17 == 13 => Some(Self::ConnectionCut),
            _ => None,
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    faults: Faults,
    requests: Arc<AtomicU64>,
) -> Result<Response<Body>, Infallible> {
    if request.uri().path() != "/v1/chat/completions" {
        return Ok(refuse(StatusCode::NOT_FOUND, "not_found", "this server knows POST /v1/chat/completions"));
    }
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            return Ok(refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &error.to_string()));
        }
    };
    let Ok(question) = serde_json::from_slice::<Value>(&body) else {
        return Ok(refuse(StatusCode::BAD_REQUEST, "invalid_request_error", "the body is not JSON"));
    };
    let number = requests.fetch_add(1, Ordering::Relaxed);
    let reply = Reply::to(&question, number);
    Ok(match Fault::of_request(number, faults) {
        Some(Fault::TooManyRequests) => {
            refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "Rate limit reached for requests")
        }
        Some(Fault::ServerError) => {
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The server had an error")
        }
        fault => {
            // As with real providers, not even a header is sent before the first token exists.
            sleep(reply.pause(0, 120..420)).await;
            if question["stream"] == true { stream(reply, fault) } else { send_json(&reply.whole()) }
        }
    })
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    let error = json!({"error": {"message": message, "type": kind, "param": null, "code": null}});
    let mut response = send_json(&error);
    *response.status_mut() = status;
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn send_json(value: &Value) -> Response<Body> {
    let (mut mouth, body) = Body::new(1);
    // The buffer holds the one frame; dropping the sender ends the body.
    let _ = mouth.try_send(Frame::data(value.to_string().into()));
    respond("application/json", body)
}

fn respond(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn stream(reply: Reply, fault: Option<Fault>) -> Response<Body> {
    let (mouth, body) = Body::new(4);
    tokio::spawn(async move {
        // A client that disconnected is not an error: the task ends at the first frame that cannot be sent.
        let _ = speak(reply, fault, mouth).await;
    });
    respond("text/event-stream", body)
}

async fn speak(reply: Reply, fault: Option<Fault>, mut mouth: Mouth) -> Result<(), SendError> {
    let frames = reply.frames();
    let half = frames.len() / 2;
    for (index, frame) in frames.iter().enumerate() {
        match fault {
            Some(Fault::ErrorEvent) if index == half => {
                let overloaded =
                    json!({"error": {"message": "The engine is overloaded", "type": "server_error"}});
                return mouth.send_data(event(&overloaded)).await;
            }
            Some(Fault::ConnectionCut) if index == half => {
                mouth.abort(io::Error::from(io::ErrorKind::ConnectionAborted));
                return Ok(());
            }
            _ => mouth.send_data(event(frame)).await?,
        }
        sleep(reply.pause(index as u64 + 1, 8..32)).await;
    }
    mouth.send_data(Bytes::from_static(b"data: [DONE]\n\n")).await
}

fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}
