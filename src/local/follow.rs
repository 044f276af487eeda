//! Following a run that another process of this machine carries out: its lock tells when it has ended, the kernel tells
//! when its directory changes. Nothing is asked again and again.

use std::fs::File;
use std::io;
use std::time::Duration;

use super::record::{Record, RecordError};
use super::watch::Watch;

/// Changes that come in quick succession are shown as one.
const CALM: Duration = Duration::from_millis(100);

impl Record {
    /// Returns when the process that carries the run out has ended; at once when there is none.
    pub(crate) async fn until_left(&self) -> Result<(), RecordError> {
        let path = self.directory().join("lock");
        let held = path.clone();
        let waiting = tokio::task::spawn_blocking(move || File::open(&held)?.lock_shared());
        waiting
            .await
            .map_err(io::Error::other)
            .and_then(|locked| locked)
            .map_err(|source| RecordError::Read { path, source })
    }

    /// The same, and `on_change` is called at the beginning, after each change on the way, and at the end.
    pub(crate) async fn watch(
        &self,
        mut on_change: impl FnMut() -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        let mut watch = Watch::new();
        watch.add(self.directory());
        let left = self.until_left();
        tokio::pin!(left);
        loop {
            on_change()?;
            let mut changed = false;
            while !changed {
                tokio::select! {
                    left = &mut left => {
                        left?;
                        return on_change();
                    }
                    told = watch.next(CALM) => changed = told,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

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
        let watching = record.watch(|| {
            seen.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        let acting = async {
            while seen.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            store.write_workflow(&json!({"status": {}}))?;
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
