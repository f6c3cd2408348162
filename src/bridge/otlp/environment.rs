use std::env;
use std::ffi::OsString;
use std::str::FromStr;
use std::time::Duration;

use super::error::OtlpError;

type Lookup = dyn Fn(&str) -> Option<OsString> + Send;

/// The environment variables. An empty one counts as not set, as the specification requires.
pub(super) struct Environment(Box<Lookup>);

impl Environment {
    pub(super) fn new(lookup: impl Fn(&str) -> Option<OsString> + Send + 'static) -> Self {
        Self(Box::new(lookup))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, OtlpError> {
        let Some(value) = (self.0)(name) else { return Ok(None) };
        let value =
            value.into_string().map_err(|_| OtlpError::setting(format!("{name} is not valid UTF-8")))?;
        let value = value.trim();
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    /// Returns the first of these variables that is set, with its name.
    pub(super) fn first<'n>(&self, names: &[&'n str]) -> Result<Option<(&'n str, String)>, OtlpError> {
        for name in names {
            if let Some(value) = self.text(name)? {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    }

    /// Returns a value as `parse` reads it. `valid` says what it accepts, for the error.
    pub(super) fn parsed<T>(
        &self,
        names: &[&str],
        valid: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, OtlpError> {
        let Some((name, value)) = self.first(names)? else { return Ok(None) };
        let invalid = || OtlpError::setting(format!("{name} is {value:?}, but must be {valid}"));
        parse(&value).map(Some).ok_or_else(invalid)
    }

    pub(super) fn number<N: FromStr>(&self, names: &[&str]) -> Result<Option<N>, OtlpError> {
        self.parsed(names, "a whole number", |value| value.parse().ok())
    }

    pub(super) fn positive(&self, name: &str) -> Result<Option<usize>, OtlpError> {
        self.parsed(&[name], "a whole number above 0", |value| {
            value.parse().ok().filter(|number| *number > 0)
        })
    }

    /// Returns a time that is given in milliseconds.
    pub(super) fn milliseconds(&self, names: &[&str]) -> Result<Option<Duration>, OtlpError> {
        let parse = |value: &str| value.parse().ok().filter(|ms| *ms > 0).map(Duration::from_millis);
        self.parsed(names, "a number of milliseconds above 0", parse)
    }

    pub(super) fn truth(&self, names: &[&str]) -> Result<Option<bool>, OtlpError> {
        self.parsed(names, "true or false", |value| match () {
            () if value.eq_ignore_ascii_case("true") => Some(true),
            () if value.eq_ignore_ascii_case("false") => Some(false),
            () => None,
        })
    }

    /// Refuses a variable that is set to anything but the values that need nothing to be done.
    pub(super) fn refuse(&self, name: &str, accepted: &[&str], why: &str) -> Result<(), OtlpError> {
        match self.text(name)? {
            Some(value) if !accepted.iter().any(|accepted| value.eq_ignore_ascii_case(accepted)) => {
                Err(OtlpError::setting(format!("{name} is set, but {why}")))
            }
            _ => Ok(()),
        }
    }
}

/// That of the process.
impl Default for Environment {
    fn default() -> Self {
        Self::new(|name| env::var_os(name))
    }
}
