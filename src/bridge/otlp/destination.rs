use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use opentelemetry_http::HttpClient;
use tonic::transport::Channel;

use super::endpoint::Endpoint;
use super::environment::Environment;
use super::error::OtlpError;
use super::percent;
use super::signal::Signal;

/// Where to send, and how, as set in code. What is `None` is taken from the environment.
#[derive(Clone, Default)]
pub(super) struct Target {
    /// By gRPC, otherwise by http/protobuf.
    pub(super) is_grpc: Option<bool>,
    pub(super) endpoint: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) timeout: Option<Duration>,
    pub(super) is_gzip: Option<bool>,
    pub(super) client: Option<Arc<dyn HttpClient>>,
    pub(super) channel: Option<Channel>,
}

/// Where one signal is sent, and how: a target, completed by the environment.
pub(super) struct Destination {
    pub(super) signal: Signal,
    pub(super) transport: Transport,
    pub(super) headers: HeaderMap,
    /// How long one export may take, its retries included.
    pub(super) timeout: Duration,
    pub(super) is_gzip: bool,
}

/// The way of sending. Without a client or a channel, one without TLS is made.
pub(super) enum Transport {
    Http(Endpoint, Option<Arc<dyn HttpClient>>),
    Grpc(Endpoint),
    GrpcChannel(Channel),
}

const TIMEOUT: Duration = Duration::from_secs(10);
const AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
const NO_TLS: &str = "this pipeline has no TLS of its own: configure it in the client for `Otlp::http_client` or in the \
                      channel for `Otlp::grpc_channel`";

impl Destination {
    pub(super) fn new(signal: Signal, target: Target, environment: &Environment) -> Result<Self, OtlpError> {
        for setting in ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"] {
            for variable in signal.variables(setting) {
                environment.refuse(&variable, &[], NO_TLS)?;
            }
        }
        let mut headers = headers(signal, &target.headers, environment)?;
        let timeout = match target.timeout {
            Some(timeout) => timeout,
            None => timeout(signal, environment)?,
        };
        let is_gzip = match target.is_gzip {
            Some(is_gzip) => is_gzip,
            None => is_gzip(signal, environment)?,
        };
        let is_grpc = match target.is_grpc {
            Some(is_grpc) => is_grpc,
            None => is_grpc_by(signal, environment)?,
        };
        let transport = match (is_grpc, target.channel) {
            (true, Some(channel)) => Transport::GrpcChannel(channel),
            (true, None) => Transport::Grpc(grpc_endpoint(signal, target.endpoint, environment)?),
            (false, _) => {
                let has_tls = target.client.is_some();
                Transport::Http(http_endpoint(signal, target.endpoint, environment, has_tls)?, target.client)
            }
        };
        if let Transport::Http(endpoint, _) | Transport::Grpc(endpoint) = &transport
            && let Some(authorization) = endpoint.authorization()
        {
            headers.entry(AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        Ok(Self { signal, transport, headers, timeout, is_gzip })
    }
}

fn http_endpoint(
    signal: Signal,
    set: Option<String>,
    environment: &Environment,
    has_tls: bool,
) -> Result<Endpoint, OtlpError> {
    let [own, all] = signal.variables("ENDPOINT");
    let (endpoint, source) = if let Some(url) = set {
        let source = "the endpoint";
        (Endpoint::parse(&url, source)?.of_signal(signal), source)
    } else if let Some(url) = environment.text(&own)? {
        // The URL for one signal is used as it is.
        (Endpoint::parse(&url, &own)?, own.as_str())
    } else {
        let url = environment.text(&all)?.unwrap_or_else(|| "http://localhost:4318".to_owned());
        (Endpoint::parse(&url, &all)?.of_signal(signal), all.as_str())
    };
    if endpoint.is_https() && !has_tls {
        let message = format!(
            "{source} is {endpoint}, but https needs a client with TLS: pass one to `Otlp::http_client`, or send by http to \
             a collector on this machine"
        );
        return Err(OtlpError::setting(message));
    }
    Ok(endpoint)
}

fn grpc_endpoint(
    signal: Signal,
    set: Option<String>,
    environment: &Environment,
) -> Result<Endpoint, OtlpError> {
    let [own, all] = signal.variables("ENDPOINT");
    let (mut url, source) = match set {
        Some(url) => (url, "the endpoint"),
        None => match environment.first(&[&own, &all])? {
            Some((source, url)) => (url, source),
            None => ("http://localhost:4317".to_owned(), ""),
        },
    };
    let [own, all] = signal.variables("INSECURE");
    // By gRPC an endpoint may have no scheme.
    let is_insecure = environment.truth(&[&own, &all])?.unwrap_or(false);
    if !url.contains("://") {
        url.insert_str(0, if is_insecure { "http://" } else { "https://" });
    }
    let endpoint = Endpoint::parse(&url, source)?;
    if endpoint.is_https() {
        let message = format!(
            "{source} is {endpoint}, but https by gRPC needs a channel with TLS: pass one to `Otlp::grpc_channel`, or send by \
             http to a collector on this machine"
        );
        return Err(OtlpError::setting(message));
    }
    if !endpoint.base_path().is_empty() {
        let message = format!("{source} is {endpoint}, but an endpoint for gRPC has no path");
        return Err(OtlpError::setting(message));
    }
    Ok(endpoint.without_path())
}

fn is_grpc_by(signal: Signal, environment: &Environment) -> Result<bool, OtlpError> {
    let [own, all] = signal.variables("PROTOCOL");
    let valid = "grpc or http/protobuf; http/json is not supported";
    let protocol = environment.parsed(&[&own, &all], valid, |value| match value {
        "grpc" => Some(true),
        "http/protobuf" => Some(false),
        _ => None,
    });
    Ok(protocol?.unwrap_or(false))
}

fn is_gzip(signal: Signal, environment: &Environment) -> Result<bool, OtlpError> {
    let [own, all] = signal.variables("COMPRESSION");
    let compression = environment.parsed(&[&own, &all], "gzip or none", |value| match value {
        "gzip" => Some(true),
        "none" => Some(false),
        _ => None,
    });
    Ok(compression?.unwrap_or(false))
}

fn timeout(signal: Signal, environment: &Environment) -> Result<Duration, OtlpError> {
    let [own, all] = signal.variables("TIMEOUT");
    let of_exporter = environment.milliseconds(&[&own, &all])?.unwrap_or(TIMEOUT);
    let of_sdk = match signal {
        Signal::Traces => "OTEL_BSP_EXPORT_TIMEOUT",
        Signal::Metrics => "OTEL_METRIC_EXPORT_TIMEOUT",
    };
    Ok(environment.milliseconds(&[of_sdk])?.map_or(of_exporter, |of_sdk| of_sdk.min(of_exporter)))
}

/// Merges the headers that are set in code over those of the environment. The values may be secrets, so they are left out of
/// errors.
fn headers(
    signal: Signal,
    set: &[(String, String)],
    environment: &Environment,
) -> Result<HeaderMap, OtlpError> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let [own, all] = signal.variables("HEADERS");
    if let Some((variable, text)) = environment.first(&[&own, &all])? {
        let invalid = |entry| OtlpError::setting(format!("entry {entry} of {variable} is not key=value"));
        for (name, value) in percent::pairs(&text).map_err(invalid)? {
            insert(&mut headers, &name, &value, variable)?;
        }
    }
    for (name, value) in set {
        insert(&mut headers, name, value, "a header")?;
    }
    Ok(headers)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str, source: &str) -> Result<(), OtlpError> {
    let invalid = || {
        OtlpError::setting(format!("{source}: {name:?} is not a valid header name, or its value is invalid"))
    };
    // A `HeaderName` is in lower case, so names that differ only in case are the same.
    let name = name.parse::<HeaderName>().map_err(|_| invalid())?;
    let mut value = value.parse::<HeaderValue>().map_err(|_| invalid())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
