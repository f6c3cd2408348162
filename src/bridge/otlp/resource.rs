use std::env;
use std::path::Path;
use std::sync::OnceLock;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use rand::TryRng as _;
use rand::rngs::SysRng;

use super::environment::Environment;
use super::error::OtlpError;
use super::percent;

/// Describes this process: what the environment says of it, its name, and an id, so that the metrics of two replicas are
/// two time series.
pub(super) fn resource(
    service_name: Option<String>,
    environment: &Environment,
) -> Result<Resource, OtlpError> {
    const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let text = environment.text(VARIABLE)?.unwrap_or_default();
    let invalid = |entry| OtlpError::setting(format!("entry {entry} of {VARIABLE} is not key=value"));
    let attributes = percent::pairs(&text).map_err(invalid)?;

    let defaults =
        [KeyValue::new("service.name", default_name()), KeyValue::new("service.instance.id", instance_id())];
    // Of one key, the last value is used.
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(defaults)
        .with_attributes(attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)));
    let name = match service_name {
        Some(name) => Some(name),
        None => environment.text("OTEL_SERVICE_NAME")?,
    };
    Ok(resource.with_attributes(name.map(|name| KeyValue::new("service.name", name))).build())
}

fn default_name() -> String {
    let executable = env::current_exe().ok();
    let name = executable.as_deref().and_then(Path::file_name);
    name.map_or_else(|| "unknown_service".to_owned(), |name| format!("unknown_service:{}", name.display()))
}

/// Returns a random UUID, the same for all pipelines of this process.
fn instance_id() -> String {
    static ID: OnceLock<String> = OnceLock::new();
    let next = || SysRng.try_next_u64().expect("failed to read from the operating system's random source");
    let random = || {
        let (high, low) = (next(), next());
        // The version, 4, and the variant, as RFC 9562 defines them.
        let (high, low) = (high & !0xf000 | 0x4000, low & !(3 << 62) | 1 << 63);
        let (clock, node) = (low >> 48, low & 0xffff_ffff_ffff);
        format!(
            "{:08x}-{:04x}-{:04x}-{clock:04x}-{node:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff
        )
    };
    ID.get_or_init(random).clone()
}
