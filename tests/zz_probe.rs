//! probe
use allm_telemetry::*;
use std::sync::atomic::*;
use std::sync::*;
#[test]
fn probe() {
    for round in 0..20 {
    let telemetry = Telemetry::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let c = calls.clone();
    telemetry.attach("busy", "allm.a", move |_| { c.fetch_add(1, Ordering::Relaxed); }).unwrap();
    telemetry.attach("f", "telemetry.handler.failure", move |e| { println!("{e:?}"); }).unwrap();
    std::thread::scope(|s| { for t in 0..4 { let telemetry=&telemetry; s.spawn(move || for i in 0..300 {
        let id = format!("inner {}", (t+i)%8);
        let _ = telemetry.attach(id.as_str(), "allm.b", |_| {});
        telemetry.execute("a", [("n",1)], [("k",1)]).unwrap();
        let _ = telemetry.detach(&id);
    }); }});
    println!("{round}: {} {:?}", calls.load(Ordering::Relaxed), telemetry.list_handlers("").iter().map(|h| h.id.to_string()).collect::<Vec<_>>());
    }
}
