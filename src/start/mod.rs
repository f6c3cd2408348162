//! Layer 7: attaches exporters as the environment says, for programs that want no code for it.
//!
//! Each exporter has a module here, behind its feature. `absent` has a module of the same name for each of them, whose function
//! returns an error that names the feature. It is imported by a glob, over which a declared module takes precedence: the code in
//! `init` calls the exporter if it is compiled in, and the one in `absent` otherwise.

#[allow(dead_code, reason = "used for the features that are off")]
mod absent;
#[cfg(feature = "console")]
mod console;
mod error;
mod guard;
mod init;
#[cfg(feature = "json-lines")]
mod json_lines;
#[cfg(feature = "otlp")]
mod otlp;

#[allow(unused_imports, reason = "with all features on, no module is absent")]
use absent::*;

pub use error::InitError;
pub use guard::InitGuard;
pub use init::init;
