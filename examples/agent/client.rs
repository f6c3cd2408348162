//! async-openai, set up so that its retries are visible.
//!
//! By default, async-openai retries by itself and does not report it. Here it has a plain transport that turns a 429
//! into an error which keeps `retry-after`. conversation.rs retries with backon, where every retry is an event.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use backon::ExponentialBuilder;
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode, Url};

use crate::Failure;

pub(crate) type OpenAI = Client<OpenAIConfig>;

/// Where requests are sent.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) base_url: Url,
    pub(crate) api_key: String,
    pub(crate) model: String,
}

impl Endpoint {
    /// The endpoint from the environment, if it is set.
    pub(crate) fn from_environment() -> Option<Result<Self, Failure>> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let base_url = variable("OPENAI_BASE_URL")?;
        Some(match Url::parse(&base_url) {
            Ok(base_url) => Ok(Self {
                base_url,
                api_key: variable("OPENAI_API_KEY").unwrap_or_default(),
                model: variable("OPENAI_MODEL").unwrap_or_else(|| "gpt-5-mini".to_owned()),
            }),
            Err(error) => Err(format!("OPENAI_BASE_URL {base_url:?}: {error}").into()),
        })
    }

    /// The server of this example.
    pub(crate) fn scripted(base_url: &str) -> Result<Self, Failure> {
        Ok(Self {
            base_url: Url::parse(base_url)?,
            api_key: "none".to_owned(),
            model: "scripted-1".to_owned(),
        })
    }

    pub(crate) fn host(&self) -> String {
        self.base_url.host_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        self.base_url.port_or_known_default().unwrap_or_default()
    }

    pub(crate) fn connect(&self) -> Result<OpenAI, reqwest::Error> {
        // ring compiles faster than the default provider. If another one is already installed, that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder().connect_timeout(Duration::from_secs(5));
        if self.base_url.scheme() == "http" {
            // No certificates are needed, and the machine may have none.
            http = http.tls_certs_only([]);
        }
        if self.host() == "127.0.0.1" {
            http = http.no_proxy();
        }
        let http = http.build()?;
        let config = OpenAIConfig::new()
            .with_api_base(self.base_url.as_str().trim_end_matches('/'))
            .with_api_key(self.api_key.as_str());
        let transport = tower::service_fn({
            let http = http.clone();
            move |request| send(http.clone(), request)
        });
        Ok(Client::build(http, config).with_http_service(transport))
    }
}

async fn send(http: reqwest::Client, request: HttpRequestFactory) -> Result<Response, OpenAIError> {
    let response = http.execute(request.build().await?).await?;
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        return Err(OpenAIError::Boxed(Box::new(Busy { retry_after: seconds.map(Duration::from_secs) })));
    }
    Ok(response)
}

/// A 429.
#[derive(Debug)]
pub(crate) struct Busy {
    retry_after: Option<Duration>,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("429 Too Many Requests")
    }
}

impl Error for Busy {}

/// How long to wait between attempts where the server does not say.
pub(crate) fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(4).with_jitter()
}

/// Whether another attempt may succeed.
pub(crate) fn is_transient(error: &OpenAIError) -> bool {
    match error {
        OpenAIError::Boxed(error) => error.is::<Busy>(),
        OpenAIError::ApiError(error) => error.status_code.is_server_error(),
        _ => false,
    }
}

/// The server's `retry-after` takes precedence over our delay.
pub(crate) fn honour_retry_after(error: &OpenAIError, ours: Option<Duration>) -> Option<Duration> {
    let OpenAIError::Boxed(error) = error else { return ours };
    // If no delay is left, this was the last attempt.
    ours.map(|ours| error.downcast_ref::<Busy>().and_then(|busy| busy.retry_after).unwrap_or(ours))
}
