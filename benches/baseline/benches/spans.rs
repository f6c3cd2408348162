//! Times of each part, to compare a change with a saved baseline.

use std::hint::black_box;

use allm_telemetry::bridge::json_lines::JsonLines;
use allm_telemetry::{Context, RequestId, SpanName, Telemetry, current_request_id, execute, prelude::*};
use allm_telemetry_baseline::{attach, generate, nested, ready, stream};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SPANS: [SpanName; 5] =
    [SpanName::Generate, SpanName::Chat, SpanName::Step, SpanName::Tool, SpanName::Stream];

fn spans(criterion: &mut Criterion, listening: &str) {
    let mut group = criterion.benchmark_group(listening);
    group.bench_function("generate", |bench| bench.iter(generate));
    group.bench_function("chat > step > tool", |bench| bench.iter(nested));
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("stream of 1,000 items", |bench| bench.iter(|| stream(1_000)));
    group.finish();
}

fn all(criterion: &mut Criterion) {
    criterion.bench_function("request id", |bench| bench.iter(RequestId::random));
    let inside = |work: &mut dyn FnMut()| ready(async { work() }.in_span_infallible(Span::chat()));
    criterion.bench_function("context/current", |bench| {
        inside(&mut || bench.iter(|| black_box(Context::current())));
    });
    criterion.bench_function("context/request id read", |bench| {
        inside(&mut || bench.iter(|| black_box(current_request_id())));
    });
    criterion
        .bench_function("emit/nobody", |bench| bench.iter(|| execute("my.event", [("n", 1)], [("k", "v")])));
    Telemetry::global()
        .attach("own", "allm.my.event", allm_telemetry_baseline::look)
        .expect("the id is free");
    criterion.bench_function("emit/one handler", |bench| {
        bench.iter(|| execute("my.event", [("n", 1)], [("k", "v")]))
    });

    spans(criterion, "nothing attached");
    attach("look", &SPANS);
    spans(criterion, "one handler");
    Telemetry::global().detach("look").expect("it is attached");
    let log =
        JsonLines::to_writer(std::io::sink()).attach("log", &Telemetry::global()).expect("the id is free");
    spans(criterion, "json lines");
    drop(log);
}

criterion_group!(benches, all);
criterion_main!(benches);
