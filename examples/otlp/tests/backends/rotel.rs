//! rotel: a collector that prints everything that it receives.

use std::fs;
use std::time::Duration;

use crate::seen::{Checked, ensure};
use crate::sent::Sent;

pub(crate) async fn check(log: &str, sent: &Sent) -> Checked {
    let mut printed = String::new();
    // It prints after it has answered.
    for _ in 0..50 {
        let all = fs::read_to_string(log).map_err(|error| format!("{log}: {error}"))?;
        let ours = format!("-> service.name: Str({})", sent.session);
        let blocks = all.split("\nResourceMetrics #").skip(1);
        let blocks = blocks.filter_map(|block| block.split("\nResourceSpans #").next());
        printed = blocks.filter(|block| block.contains(&ours)).last().unwrap_or("").to_owned();
        // The last metric of the block.
        if printed.contains("Name: allm.adapter.retries") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let calls = sent.ends.values().filter(|event| event.as_event().usage().is_some()).count() as u64;
    let seconds: Vec<f64> = (0..14).map(|n| 0.01 * 2_f64.powi(n)).collect();
    let minutes: Vec<f64> = (0..13).map(|n| 0.1 * 2_f64.powi(n)).collect();
    let tokens: Vec<f64> = (0..14).map(|n| 4_f64.powi(n)).collect();
    histogram(&printed, "gen_ai.client.operation.duration", "s", &seconds, Some(calls))?;
    histogram(&printed, "gen_ai.client.token.usage", "{token}", &tokens, Some(2 * calls))?;
    histogram(&printed, "gen_ai.client.operation.time_to_first_chunk", "s", &seconds, Some(calls))?;
    histogram(&printed, "gen_ai.client.operation.time_per_output_chunk", "s", &seconds, None)?;
    histogram(&printed, "gen_ai.execute_tool.duration", "s", &seconds, Some(3))?;
    histogram(&printed, "gen_ai.invoke_agent.duration", "s", &minutes, Some(1))?;
    let retries = metric(&printed, "allm.adapter.retries")?;
    ensure(retries.contains("Unit: {retry}") && retries.contains("DataType: Sum"), || retries.to_owned())?;
    let has_content = ["sailing", "Lisbon", sent.trace_id().as_str()].iter().any(|it| printed.contains(it));
    ensure(!has_content, || format!("a metric has content: {printed}"))
}

/// The printed text of one metric.
fn metric<'a>(printed: &'a str, name: &str) -> Result<&'a str, String> {
    let mut metrics = printed.split("\nMetric #");
    let named = metrics.find(|metric| metric.contains(&format!("-> Name: {name}\n")));
    named.ok_or_else(|| format!("no {name} in {printed}"))
}

fn histogram(printed: &str, name: &str, unit: &str, bounds: &[f64], count: Option<u64>) -> Checked {
    let metric = metric(printed, name)?;
    ensure(metric.contains(&format!("-> Unit: {unit}\n")), || format!("the unit of {metric}"))?;
    let points: Vec<&str> = metric.split("HistogramDataPoints #").skip(1).collect();
    ensure(!points.is_empty(), || format!("no points in {metric}"))?;
    for point in &points {
        let numbers = point.lines().filter(|line| line.starts_with("ExplicitBounds #"));
        let numbers = numbers.map(|line| line.rsplit(' ').next().unwrap_or("").parse().unwrap_or(f64::NAN));
        let numbers: Vec<f64> = numbers.collect();
        let same = |(left, right): (&f64, &f64)| (left - right).abs() < 1e-9;
        let right = numbers.len() == bounds.len() && numbers.iter().zip(bounds).all(same);
        ensure(right, || format!("the buckets of {name}: {numbers:?}"))?;
    }
    let counts =
        points.iter().flat_map(|point| point.lines()).filter_map(|line| line.strip_prefix("Count: "));
    let counted: u64 = counts.filter_map(|count| count.parse::<u64>().ok()).sum();
    ensure(count.is_none_or(|count| count == counted), || format!("{counted} in {name}, not {count:?}"))
}
