//! The mutexes and semaphores that a run takes as a whole, shared by all runs of this machine. A place is a locked file:
//! the system gives it back, whatever becomes of the process that holds it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::resolved::Resolved;
use super::store::StoreError;
use crate::file::private;

/// The time between two attempts to take a place. It cannot be a wait on the kernel: inotify has no event for a lock that
/// is released; a blocking flock waits for one file, and a semaphore has several; and the events of a file that is closed
/// also come from every other run's attempt, which would wake all that wait.
const PAUSE: Duration = Duration::from_millis(100);

/// The places that a run holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct Places {
    _files: Vec<File>,
}

impl Places {
    /// Takes a place of each lock that the workflow names, of all or of none. `on_wait` is told once what is waited for.
    /// A lock without a limit is left to the run, which fails for it.
    pub(crate) async fn take(root: &Path, plan: &Resolved, on_wait: impl FnOnce(&str)) -> Result<Self, StoreError> {
        let locks = plan.workflow_locks().unwrap_or_default();
        let mut on_wait = Some(on_wait);
        loop {
            let mut files = Vec::new();
            let mut busy = None;
            for (name, limit) in &locks {
                match place(&directory(root, name), *limit)? {
                    Some(file) => files.push(file),
                    None => busy = busy.or(Some(name)),
                }
            }
            let Some(name) = busy else { return Ok(Self { _files: files }) };
            drop(files);
            if let Some(on_wait) = on_wait.take() {
                on_wait(name);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A lock's name may hold anything; the name of its directory does not.
fn directory(root: &Path, name: &str) -> PathBuf {
    let digest: [u8; 32] = Sha256::digest(name).into();
    let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    root.join("locks").join(hex.concat())
}

/// The first place that is free.
fn place(directory: &Path, limit: usize) -> Result<Option<File>, StoreError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Write { path, source }
    };
    private::create_directory(directory).map_err(write(directory))?;
    for number in 0..limit {
        let path = directory.join(number.to_string());
        let file = private::file().append(true).open(&path).map_err(write(&path))?;
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(write(&path)(source)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(synchronization: &Value) -> Resolved {
        let workflow = json!({
            "metadata": {"name": "w", "namespace": "ci"}, "spec": {"synchronization": synchronization},
        });
        let mut plan = Resolved::new(workflow, PathBuf::from("/runs/w"), 1);
        plan.config_maps.insert("limits".to_owned(), [("k".to_owned(), "2".to_owned())].into());
        plan
    }

    async fn taken(root: &Path, synchronization: &Value) -> Option<Places> {
        let plan = plan(synchronization);
        let taking = Places::take(root, &plan, |_| {});
        tokio::time::timeout(Duration::from_millis(20), taking).await.ok().map(Result::unwrap)
    }

    #[tokio::test]
    async fn a_mutex_is_one_run_s_and_goes_with_it() {
        let root = tempfile::tempdir().unwrap();
        let mutex = json!({"mutexes": [{"name": "deploy/../x"}]});
        let first = taken(root.path(), &mutex).await;
        assert!(first.is_some() && taken(root.path(), &mutex).await.is_none());
        assert!(taken(root.path(), &json!({"mutexes": [{"name": "other"}]})).await.is_some());
        drop(first);
        assert!(taken(root.path(), &mutex).await.is_some());
    }

    #[tokio::test]
    async fn a_semaphore_has_as_many_places_as_its_limit() {
        let root = tempfile::tempdir().unwrap();
        let semaphore = json!({"semaphores": [{"configMapKeyRef": {"name": "limits", "key": "k"}}]});
        let held = [taken(root.path(), &semaphore).await, taken(root.path(), &semaphore).await];
        assert!(held.iter().all(Option::is_some) && taken(root.path(), &semaphore).await.is_none());
        let both = json!({"semaphores": semaphore["semaphores"], "mutexes": [{"name": "m"}]});
        assert!(taken(root.path(), &both).await.is_none());
        assert!(taken(root.path(), &json!({"mutexes": [{"name": "m"}]})).await.is_some(), "none is kept meanwhile");
    }

    #[tokio::test]
    async fn a_lock_without_a_limit_keeps_nobody() {
        let root = tempfile::tempdir().unwrap();
        let missing = json!({"semaphores": [{"configMapKeyRef": {"name": "limits", "key": "absent"}}]});
        assert!(taken(root.path(), &missing).await.is_some());
    }
}
