use std::rc::Rc;

pub fn search() {
    let query = Rc::new("what is a span?");
    allm_telemetry::spawn(async move {
        tokio::task::yield_now().await;
        query.len()
    });
}
