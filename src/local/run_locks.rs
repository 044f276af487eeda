//! The mutexes and semaphores that a run takes as a whole, shared by all runs of this machine. A place is a locked file:
//! the system gives it back, whatever becomes of the process that holds it. The file says whose it is, for those who look.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::resolved::Resolved;
use super::store::StoreError;
use crate::argo::Metadata;
use crate::file::private;
use crate::file::replace::{Durable, Readers, replace_with};

/// The time between two attempts to take a place. It cannot be a wait on the kernel: inotify has no event for a lock that
/// is released; a blocking flock waits for one file, and a semaphore has several; and the events of a file that is closed
/// also come from every other run's attempt, which would wake all that wait.
const PAUSE: Duration = Duration::from_millis(100);
/// The file in a lock's directory that describes it.
const LOCK: &str = "lock.json";
/// What the names of the files of those who wait begin with.
const WAITING: &str = "waiting-";

/// The places that a run holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct Places {
    _files: Vec<File>,
}

/// A run that holds a place of a lock, or waits for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// Since when.
    pub(crate) since: Timestamp,
    /// `NAMESPACE/NAME` of the run.
    pub(crate) run: String,
}

/// A lock of this machine's runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalLock {
    /// Its name, as Argo writes it.
    pub(crate) name: String,
    /// How many places it has.
    pub(crate) limit: usize,
    /// The runs that hold a place, the first one first.
    pub(crate) holders: Vec<Claim>,
    /// The runs that wait, the first one first; the order in which they get a place is not defined.
    pub(crate) waiters: Vec<Claim>,
}

/// What a lock's directory says of it.
#[derive(Serialize, Deserialize)]
struct Description {
    name: String,
    limit: usize,
}

impl Places {
    /// Takes a place of each lock that the workflow names, of all or of none. `on_wait` is told once what is waited for,
    /// and who holds it. A lock without a limit is left to the run, which fails for it.
    pub(crate) async fn take(
        root: &Path,
        plan: &Resolved,
        on_wait: impl FnOnce(&str, &[Claim]),
    ) -> Result<Self, StoreError> {
        let locks = plan.workflow_locks().unwrap_or_default();
        let mut on_wait = Some(on_wait);
        let (mut waiting, begun) = (None, Timestamp::now());
        loop {
            let claim = Claim { since: Timestamp::now(), run: run(plan) };
            let mut files = Vec::new();
            let mut busy = None;
            for (name, limit) in &locks {
                match place(&directory(root, name), name, *limit, &claim)? {
                    Some(file) => files.push(file),
                    None => busy = busy.or(Some(name)),
                }
            }
            let Some(name) = busy else { return Ok(Self { _files: files }) };
            drop(files);
            if let Some(on_wait) = on_wait.take() {
                on_wait(name, &holders(&directory(root, name)));
            }
            if waiting.as_ref().is_none_or(|(other, _)| other != name) {
                let claim = Claim { since: begun, run: run(plan) };
                waiting = Some((name.clone(), Waiting::begin(&directory(root, name), &claim)?));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The locks of this machine's runs that somebody holds or waits for.
pub(crate) fn locks(root: &Path) -> Vec<LocalLock> {
    let directories = fs::read_dir(root.join("locks")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<LocalLock> = directories
        .filter_map(|directory| {
            let Description { name, limit } = serde_json::from_slice(&fs::read(directory.join(LOCK)).ok()?).ok()?;
            let (holders, waiters) = (holders(&directory), waiters(&directory));
            let is_used = !holders.is_empty() || !waiters.is_empty();
            is_used.then_some(LocalLock { name, limit, holders, waiters })
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// The file of a run that waits; removed when it waits no longer.
struct Waiting {
    path: PathBuf,
    _file: File,
}

impl Waiting {
    fn begin(directory: &Path, claim: &Claim) -> Result<Self, StoreError> {
        let path = directory.join(format!("{WAITING}{}", std::process::id()));
        let file = private::file().append(true).open(&path).map_err(StoreError::write(&path))?;
        // A process has one run that waits, so that nobody else locks its file but who looks at it.
        file.lock().and_then(|()| write(&file, claim)).map_err(StoreError::write(&path))?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // One that is left is not locked, and counts for nobody.
        let _ = fs::remove_file(&self.path);
    }
}

fn run(plan: &Resolved) -> String {
    let metadata = Metadata::of(&plan.workflow);
    format!("{}/{}", metadata.namespace(), metadata.name())
}

/// A lock's name may hold anything; the name of its directory does not.
fn directory(root: &Path, name: &str) -> PathBuf {
    let digest: [u8; 32] = Sha256::digest(name).into();
    let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    root.join("locks").join(hex.concat())
}

/// The first place that is free, as the run's own.
fn place(directory: &Path, name: &str, limit: usize, claim: &Claim) -> Result<Option<File>, StoreError> {
    private::create_directory(directory).map_err(StoreError::write(directory))?;
    describe(directory, name, limit)?;
    for number in 0..limit {
        let path = directory.join(number.to_string());
        let file = private::file().append(true).open(&path).map_err(StoreError::write(&path))?;
        match file.try_lock() {
            Ok(()) => {
                write(&file, claim).map_err(StoreError::write(&path))?;
                return Ok(Some(file));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(StoreError::write(&path)(source)),
        }
    }
    Ok(None)
}

fn describe(directory: &Path, name: &str, limit: usize) -> Result<(), StoreError> {
    let path = directory.join(LOCK);
    let text = serde_json::to_vec(&Description { name: name.to_owned(), limit }).unwrap_or_default();
    if fs::read(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let written = replace_with(&path, Readers::Owner, Durable::No, |file| file.write_all(&text));
    written.map_err(StoreError::write(&path))
}

/// Writes a claim over what a file held.
fn write(mut file: &File, claim: &Claim) -> std::io::Result<()> {
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(claim)?)
}

fn holders(directory: &Path) -> Vec<Claim> {
    claims(directory, |name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

fn waiters(directory: &Path) -> Vec<Claim> {
    claims(directory, |name| name.starts_with(WAITING))
}

/// What the locked files of these names say.
fn claims(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<Claim> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let wanted = entries.filter(|entry| entry.file_name().to_str().is_some_and(&is_wanted));
    let mut claims: Vec<Claim> = wanted
        .filter_map(|entry| {
            let file = File::open(entry.path()).ok()?;
            let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
            serde_json::from_slice(&fs::read(entry.path()).ok().filter(|_| held)?).ok()
        })
        .collect();
    claims.sort();
    claims
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
        let taking = Places::take(root, &plan, |_, _| {});
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
    async fn who_holds_and_who_waits_is_told() {
        let root = tempfile::tempdir().unwrap();
        let mutex = json!({"mutexes": [{"name": "deploy"}]});
        assert_eq!(locks(root.path()), []);
        let first = taken(root.path(), &mutex).await;
        let plan = plan(&mutex);
        let mut told = None;
        let waiting =
            Places::take(root.path(), &plan, |name, holders| told = Some((name.to_owned(), holders.to_vec())));
        let waiting = tokio::time::timeout(Duration::from_millis(20), waiting);
        let looking = async { locks(root.path()) };
        let (_, seen) = tokio::join!(waiting, looking);
        let [lock] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!((lock.name.as_str(), lock.limit), ("ci/Mutex/deploy", 1));
        assert_eq!((lock.holders[0].run.as_str(), lock.waiters[0].run.as_str()), ("ci/w", "ci/w"));
        assert_eq!(told, Some(("ci/Mutex/deploy".to_owned(), lock.holders.clone())));
        assert!(locks(root.path())[0].waiters.is_empty(), "it waits no longer");
        drop(first);
        assert_eq!(locks(root.path()), []);
    }

    #[tokio::test]
    async fn a_lock_without_a_limit_keeps_nobody() {
        let root = tempfile::tempdir().unwrap();
        let missing = json!({"semaphores": [{"configMapKeyRef": {"name": "limits", "key": "absent"}}]});
        assert!(taken(root.path(), &missing).await.is_some());
    }
}
