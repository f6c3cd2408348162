//! The two tools that the model may call: plain async functions without telemetry.

use std::fmt;
use std::time::Duration;

use async_openai::types::chat::{ChatCompletionTool, ChatCompletionTools, FunctionCall, FunctionObject};
use serde_json::{Value, json};
use tokio::time::sleep;

/// The descriptions of the tools that are sent to the model.
pub(crate) fn catalogue() -> Vec<ChatCompletionTools> {
    let tool = |name: &str, description: &str, argument: &str| {
        ChatCompletionTools::Function(ChatCompletionTool {
            function: FunctionObject {
                name: name.to_owned(),
                description: Some(description.to_owned()),
                parameters: Some(json!({
                    "type": "object",
                    "properties": {argument: {"type": "string"}},
                    "required": [argument],
                    "additionalProperties": false,
                })),
                strict: None,
            },
        })
    };
    vec![
        tool("weather", "The weather of the coming days in a city", "city"),
        tool("calendar", "What the user has planned on a day of this week", "day"),
    ]
}

/// Runs the tool that the model asked for.
pub(crate) async fn run(call: FunctionCall) -> Result<String, ToolError> {
    let argument = |name| match serde_json::from_str::<Value>(&call.arguments) {
        Ok(arguments) => arguments[name].as_str().map(str::to_owned).ok_or(ToolError::BadArguments),
        Err(_) => Err(ToolError::BadArguments),
    };
    match call.name.as_str() {
        "weather" => Ok(weather(&argument("city")?).await),
        "calendar" => Ok(calendar(&argument("day")?).await),
        _ => Err(ToolError::Unknown),
    }
}

async fn weather(city: &str) -> String {
    sleep(Duration::from_millis(140)).await;
    match city {
        "Lisbon" | "Cascais" => format!("{city}: clear, 24 degrees, wind 10 knots"),
        _ => format!("{city}: clouds, 18 degrees, rain later"),
    }
}

async fn calendar(day: &str) -> String {
    sleep(Duration::from_millis(60)).await;
    match day {
        "Saturday" => "Saturday: free from 11:00".to_owned(),
        "Sunday" => "Sunday: 13:00 lunch with the parents".to_owned(),
        _ => format!("{day}: nothing planned"),
    }
}

#[derive(Debug)]
pub(crate) enum ToolError {
    Unknown,
    BadArguments,
}

impl ToolError {
    /// A class with few values, for dashboards.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown_tool",
            Self::BadArguments => "bad_arguments",
        }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "there is no such tool",
            Self::BadArguments => "these arguments do not fit the tool",
        })
    }
}

impl std::error::Error for ToolError {}
