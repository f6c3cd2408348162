//! The histograms and counters of the conventions, with their buckets.

use allm_telemetry::{adapter_retry, convention::Convention, prelude::*};
use futures::{StreamExt as _, stream};
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};

use crate::support::{ms, paced, pause};
use crate::world::World;

fn doubled(from: f64, times: i32) -> Vec<f64> {
    (0..=times).map(|n| from * 2_f64.powi(n)).collect()
}

async fn a_day(world: &World) {
    let work = async {
        let stream = paced([(500, 1), (30, 2), (0, 3)]);
        let span =
            Span::stream().engine("openai").model("gpt-5").observe(|_: &i32, record: &mut Record<'_>| {
                record.response_model("gpt-5-2026");
                record.usage(Usage::new().input(812).output(96));
            });
        stream.in_span_infallible(span).count().await;
        pause(150).in_span_infallible(Span::tool("search", "1")).await;
        adapter_retry(1, ms(1), "429");
        drop(stream::iter([1]).in_span_infallible(Span::stream().engine("openai").model("gpt-5")));
    };
    world.run(work.in_span_infallible(Span::chat().agent_name("weekend").engine("openai"))).await;
}

#[tokio::test(start_paused = true)]
async fn every_instrument_has_its_unit_its_buckets_and_what_was_measured() {
    let world = World::new();
    a_day(&world).await;
    let measured = world.measured();
    let seconds = doubled(0.01, 13);
    let tokens: Vec<f64> = (0..14).map(|n| 4_f64.powi(n)).collect();
    for (name, unit, bounds, count) in [
        ("gen_ai.client.operation.duration", "s", seconds.clone(), 2),
        ("gen_ai.client.token.usage", "{token}", tokens, 2),
        ("gen_ai.client.operation.time_to_first_chunk", "s", seconds.clone(), 1),
        ("gen_ai.client.operation.time_per_output_chunk", "s", seconds.clone(), 2),
        ("gen_ai.execute_tool.duration", "s", seconds, 1),
        ("gen_ai.invoke_agent.duration", "s", doubled(0.1, 12), 1),
        ("allm.adapter.retries", "{retry}", vec![], 1),
        ("allm.stream.dropped", "{stream}", vec![], 1),
        ("allm.usage.unknown", "{call}", vec![], 1),
    ] {
        let found = measured.get(name).unwrap_or_else(|| panic!("no {name} in {measured:?}"));
        assert_eq!(found.unit, unit, "{name}");
        assert!(found.points.iter().all(|it| close(&it.bounds, &bounds)), "{name}: {:?}", found.points);
        assert_eq!(found.points.iter().map(|point| point.count).sum::<u64>(), count, "{name}: {found:?}");
    }
    assert_eq!(measured.len(), 9);
}

fn close(left: &[f64], right: &[f64]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| (left - right).abs() < 1e-9)
}

#[tokio::test(start_paused = true)]
async fn the_gaps_between_chunks_are_those_after_the_first() {
    let world = World::new();
    a_day(&world).await;
    let gaps = &world.measured()["gen_ai.client.operation.time_per_output_chunk"].points;
    assert_eq!(gaps.len(), 1);
    // 30 ms, and 0 for the chunk that was ready; not the 500 ms before the first.
    assert!((gaps[0].sum - 0.030).abs() < 0.002, "{gaps:?}");
    let first = &world.measured()["gen_ai.client.operation.time_to_first_chunk"].points;
    assert!((first[0].sum - 0.500).abs() < 0.002, "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_chunk_without_content_before_the_first_is_no_gap() {
    let world = World::new();
    let span = Span::stream().observe(|chunk: &i32, record: &mut Record<'_>| {
        if *chunk == 0 {
            record.content_free();
        }
    });
    world.run(async { paced([(10, 0), (20, 1), (40, 2)]).in_span_infallible(span).count().await }).await;
    let gaps = &world.measured()["gen_ai.client.operation.time_per_output_chunk"].points;
    assert_eq!(gaps[0].count, 1);
    assert!((gaps[0].sum - 0.040).abs() < 0.002, "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn the_outcome_is_a_label_of_the_duration_and_the_request_id_of_nothing() {
    let world = World::new();
    a_day(&world).await;
    let measured = world.measured();
    let durations = &measured["gen_ai.client.operation.duration"].points;
    let outcomes: Vec<_> = durations.iter().map(|point| point.labels["allm.outcome"].as_str()).collect();
    assert!(outcomes.contains(&"completed") && outcomes.contains(&"dropped"), "{outcomes:?}");
    let request = world.capture.events()[0].as_event().request_id().unwrap().to_owned();
    let labels = measured.values().flat_map(|it| &it.points).flat_map(|point| point.labels.values());
    assert!(labels.into_iter().all(|value| *value != request));
}

#[tokio::test]
async fn models_beyond_the_bound_share_one_series() {
    let world = World::new();
    let work = async {
        for n in 0..70 {
            async {}.in_span_infallible(Span::generate().engine("e").model(format!("model-{n}"))).await;
        }
    };
    world.run(work).await;
    let durations = &world.measured()["gen_ai.client.operation.duration"].points;
    assert_eq!(durations.len(), 65);
    let other: Vec<_> = durations.iter().filter(|it| it.labels["gen_ai.request.model"] == "_OTHER").collect();
    assert_eq!(other[0].count, 6);
    assert!(world.spans().iter().any(|span| span.name == "chat _OTHER"));
}

#[tokio::test]
async fn a_view_of_the_user_s_has_the_last_word_on_buckets() {
    let exporter = opentelemetry_sdk::metrics::InMemoryMetricExporter::default();
    let view = |instrument: &Instrument| {
        (instrument.name() == "gen_ai.execute_tool.duration").then(|| {
            let boundaries =
                Aggregation::ExplicitBucketHistogram { boundaries: vec![1.0, 2.0], record_min_max: true };
            Stream::builder().with_aggregation(boundaries).build().unwrap()
        })
    };
    let reader = opentelemetry_sdk::metrics::PeriodicReader::builder(exporter.clone()).build();
    let meters = SdkMeterProvider::builder().with_reader(reader).with_view(view).build();
    let world = World::with(|otel| otel.meter_provider(meters.clone()));
    world.run(async {}.in_span_infallible(Span::tool("t", "1"))).await;
    meters.force_flush().unwrap();
    let told = format!("{:?}", exporter.get_finished_metrics().unwrap());
    assert!(told.contains("bounds: [1.0, 2.0]"), "{told}");
}

#[tokio::test]
async fn without_metrics_there_are_none_and_without_spans_there_are_none() {
    let world = World::with(|otel| otel.without_metrics());
    world.run(async {}.in_span_infallible(Span::tool("t", "1"))).await;
    assert!(world.measured().is_empty());
    assert_eq!(world.spans().len(), 1);
    let world = World::with(|otel| otel.without_spans());
    world.run(async {}.in_span_infallible(Span::tool("t", "1"))).await;
    assert_eq!(world.measured().len(), 1);
    assert!(world.spans().is_empty());
}

#[tokio::test]
async fn a_measurement_that_was_declared_is_a_counter_or_a_histogram_with_the_users_labels() {
    let fees = Convention::new().counter("gateway_fee", "USD").labels(["tenant"]);
    let queue = |convention: Convention| convention.histogram("queue_time", "s", &[0.5, 2.0][..]);
    let world = World::with(|otel| otel.convention(queue(fees)));
    let call = |fee: f64| async move {
        let span = Span::generate().model("gpt-5").metadata("tenant", "acme").on_end(move |record| {
            record.measurement("gateway_fee", fee);
            record.measurement("queue_time", 1.5);
            record.measurement("not_declared", 1);
        });
        async {}.in_span_infallible(span).await;
    };
    world.run(async { futures::join!(call(0.25), call(0.5)) }).await;
    let measured = world.measured();
    let fees = &measured["gateway_fee"];
    assert_eq!((fees.unit.as_str(), fees.points.len(), fees.points[0].sum), ("USD", 1, 0.75));
    assert_eq!(fees.points[0].labels["tenant"], "acme");
    assert_eq!(fees.points[0].labels["gen_ai.request.model"], "gpt-5");
    let queue = &measured["queue_time"].points[0];
    assert_eq!((queue.count, queue.sum, &queue.bounds), (2, 3.0, &vec![0.5, 2.0]));
    assert!(!measured.contains_key("not_declared"));
}
