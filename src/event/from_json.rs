use serde_json::Value as Json;

use super::fields::Metadata;
use super::value::Value;

/// With the feature `serde_json`.
///
/// # Examples
///
/// ```
/// use allm_telemetry::event::Value;
///
/// let filter = Value::from(serde_json::json!({"limits": [1, 2.5, null], "tenant": "acme"}));
/// assert_eq!(filter.to_string(), r#"{"limits":[1,2.5,null],"tenant":"acme"}"#);
/// ```
impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => value.into(),
            Json::Number(number) => {
                let unsigned = number.as_u64().map(Self::from);
                let integer = unsigned.or_else(|| number.as_i64().map(Self::from));
                integer.or_else(|| number.as_f64().map(Self::from)).into()
            }
            Json::String(text) => text.into(),
            Json::Array(values) => values.into(),
            Json::Object(fields) => Self::Map(fields.into_iter().collect::<Metadata>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_serde_json_is_the_same_value_here() {
        let text =
            r#"{"a":[true,null,"x"],"b":[18446744073709551615,-9223372036854775808,0.5,7],"c":{"d":{}}}"#;
        let value = Value::from(serde_json::from_str::<Json>(text).unwrap());
        assert_eq!(value.to_string(), text);
        let numbers: Vec<Value> = vec![u64::MAX.into(), i64::MIN.into(), 0.5.into(), 7.into()];
        assert!(matches!(value, Value::Map(map) if map.get("b") == Some(&numbers.into())));
    }
}
