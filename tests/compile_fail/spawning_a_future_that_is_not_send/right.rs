use std::sync::Arc;

pub fn search() {
    let query = Arc::new("what is a span?");
    allm_telemetry::spawn(async move {
        tokio::task::yield_now().await;
        query.len()
    });
}
