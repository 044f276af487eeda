//! Waiting on a condition.

use std::time::{Duration, Instant};

/// Longer than anything that is waited for takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until the condition holds; the test fails when it does not in time.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until there is a value to return, without blocking the runtime.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut value: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = value().await {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
