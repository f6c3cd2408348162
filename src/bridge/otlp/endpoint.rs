use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use super::error::OtlpError;
use super::percent;
use super::signal::Signal;

/// Where one signal is sent. Its text has neither credentials nor a query.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// Without credentials.
    uri: Uri,
    /// What the credentials of the URL mean.
    authorization: Option<HeaderValue>,
}

impl Endpoint {
    /// Reads a URL. `source` names the setting in errors, which do not repeat the URL: it may contain a key.
    pub(super) fn parse(url: &str, source: &str) -> Result<Self, OtlpError> {
        let invalid = || OtlpError::setting(format!("{source} is not a URL such as http://127.0.0.1:4318"));
        let mut parts = url.parse::<Uri>().map_err(|_| invalid())?.into_parts();
        let is_known = matches!(parts.scheme.as_ref().map(Scheme::as_str), Some("http" | "https"));
        let authority = parts.authority.filter(|_| is_known).ok_or_else(invalid)?;
        let (credentials, host) = match authority.as_str().rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority.as_str()),
        };
        let authorization = credentials.map(basic).transpose().map_err(|()| invalid())?;
        parts.authority = Some(host.parse::<Authority>().map_err(|_| invalid())?);
        let uri = Uri::from_parts(parts).map_err(|_| invalid())?;
        Ok(Self { uri, authorization })
    }

    /// Returns the URL of a signal, given the one that is common to all signals. One that ends in the path of a signal
    /// already was meant for that signal, so the path is replaced.
    pub(super) fn of_signal(self, signal: Signal) -> Self {
        let query = self.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = format!("{}{}{query}", self.base_path(), signal.path());
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = path.parse::<PathAndQuery>().ok();
        // All characters of the path were in a URL before, so this does not fail.
        Self { uri: Uri::from_parts(parts).unwrap_or(self.uri), authorization: self.authorization }
    }

    /// Returns the path without that of a signal, and without a slash at its end.
    pub(super) fn base_path(&self) -> &str {
        let path = self.uri.path().trim_end_matches('/');
        let known = [Signal::Traces.path(), Signal::Metrics.path(), "/v1/logs"];
        known.into_iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path).trim_end_matches('/')
    }

    pub(super) fn without_path(self) -> Self {
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Self { uri: Uri::from_parts(parts).unwrap_or(self.uri), authorization: self.authorization }
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    pub(super) fn is_https(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }
}

/// Returns the header for `user:password`, which are percent-encoded in a URL.
fn basic(credentials: &str) -> Result<HeaderValue, ()> {
    let decoded = percent::decode(credentials).ok_or(())?;
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(decoded))).map_err(drop)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (self.uri.scheme_str().unwrap_or_default(), self.uri.host().unwrap_or_default());
        write!(f, "{scheme}://{host}")?;
        if let Some(port) = self.uri.port() {
            write!(f, ":{port}")?;
        }
        match self.uri.path() {
            "/" => Ok(()),
            path => f.write_str(path),
        }
    }
}
