//! Waits for conditions.

use std::path::Path;
use std::time::{Duration, Instant};

/// Longer than any awaited condition takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until the condition holds; fails if it does not in time.
#[track_caller]
pub(crate) fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(comes_true(condition), "never came: {what}");
}

/// Waits until the condition holds, and returns whether it did in time.
pub(crate) fn comes_true(mut condition: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !condition() {
        if began.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
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

/// Waits until a file contains a word.
#[track_caller]
pub(crate) fn wait_for_word(file: &Path, word: &str) {
    wait_until(word, || std::fs::read_to_string(file).is_ok_and(|text| text.contains(word)));
}
