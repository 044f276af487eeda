//! Following a run that another process of this machine carries out: its lock tells when it has ended, the kernel tells
//! when its directory changes. Nothing is asked again and again.

use std::fs::File;
use std::io;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, try_unfold};

use super::record::{Record, RecordError};
use super::watch::Watch;
use crate::blocking::blocking;

/// Changes that come in quick succession are shown as one.
pub(crate) const CALM: Duration = Duration::from_millis(100);

/// How far a run was followed.
struct Follower {
    watch: Watch,
    gather: Duration,
    /// Ends when the process does that carries the run out.
    left: BoxFuture<'static, Result<(), RecordError>>,
    stage: Stage,
}

enum Stage {
    Begun,
    Going,
    Over,
}

impl Record {
    /// Returns when the process that carries the run out has ended; at once when there is none.
    pub(crate) async fn until_left(&self) -> Result<(), RecordError> {
        let path = self.directory().join("lock");
        let held = path.clone();
        let waiting = blocking(move || File::open(&held)?.lock_shared());
        waiting
            .await
            .map_err(io::Error::other)
            .and_then(|locked| locked)
            .map_err(|source| RecordError::Read { path, source })
    }

    /// Tells when the run may have changed: at the beginning, after each change, where those within `gather` are one, and
    /// when its process has ended. Changes from this call on are heard of.
    pub(crate) fn changes(&self, gather: Duration) -> BoxStream<'static, Result<(), RecordError>> {
        let watch = Watch::new();
        watch.add(self.directory());
        let record = self.clone();
        let left = Box::pin(async move { record.until_left().await });
        let follower = Follower { watch, gather, left, stage: Stage::Begun };
        try_unfold(follower, async |mut follower| Ok(follower.next().await?.then_some(((), follower)))).boxed()
    }
}

impl Follower {
    /// Whether there is something new to see; false after the end.
    async fn next(&mut self) -> Result<bool, RecordError> {
        match self.stage {
            Stage::Begun => {
                self.stage = Stage::Going;
                return Ok(true);
            }
            Stage::Over => return Ok(false),
            Stage::Going => {}
        }
        loop {
            tokio::select! {
                left = &mut self.left => {
                    self.stage = Stage::Over;
                    return left.map(|()| true);
                }
                changed = self.watch.next(self.gather) => if changed {
                    return Ok(true);
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::TryStreamExt;
    use serde_json::json;

    use super::*;
    use crate::local::store::Store;

    #[tokio::test]
    async fn a_run_is_followed_until_its_process_leaves() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let (namespace, name) = ("default".parse()?, "a".parse()?);
        let store = Store::create(root.path(), &namespace, &name, &json!({"metadata": {"name": "a"}}))?;
        let record = Record::find(root.path(), &namespace, &name)?;
        let seen = AtomicUsize::new(0);
        let watching = record.changes(CALM).try_for_each(|()| {
            seen.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok(()))
        });
        let acting = async {
            while seen.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            store.write_end(&json!({"status": {}}), &[])?;
            while seen.load(Ordering::Relaxed) == 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            drop(store);
            Ok::<(), Box<dyn std::error::Error>>(())
        };
        let both = async { tokio::join!(watching, acting) };
        let (watched, acted) = tokio::time::timeout(Duration::from_secs(30), both).await?;
        acted?;
        Ok(watched?)
    }
}
