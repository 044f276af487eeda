//! Files by which several commands of this machine agree on one run: `submit --local --debounce`. Each holds one JSON object
//! and is only ever replaced in the state that was read, under a lock.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::store::exists;
use super::watch::Watch;
use crate::exit::{CommandError, Exit};
use crate::file::private;
use crate::file::replace::{Durable, Readers, replace_with};

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}", path.display())]
pub struct ReservedError {
    /// The file.
    pub(crate) path: PathBuf,
    /// Why not.
    #[source]
    pub(crate) source: io::Error,
}

impl ReservedError {
    fn of(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

impl CommandError for ReservedError {
    fn exit(&self) -> Exit {
        Exit::Tool
    }

    fn hint(&self) -> Option<String> {
        Some("set RUNNABLE_HOME to a directory that can be written to".to_owned())
    }
}

/// The object of this name, if it is there. One that cannot be read as JSON counts as none.
pub(crate) fn read(root: &Path, name: &str) -> Result<Option<Value>, ReservedError> {
    let path = path(root, name);
    match fs::read(&path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReservedError { path, source }),
    }
}

/// Replaces the object that was read, or makes the first one; whether it was still the same.
pub(crate) fn write(root: &Path, name: &str, object: &Value, before: Option<&Value>) -> Result<bool, ReservedError> {
    let _lock = locked(root)?;
    if read(root, name)?.as_ref() != before {
        return Ok(false);
    }
    let path = path(root, name);
    let written = replace_with(&path, Readers::Owner, Durable::Yes, |file| Ok(serde_json::to_writer(file, object)?));
    written.map_err(ReservedError::of(&path))?;
    Ok(true)
}

/// Removes the objects that are `idle`.
pub(crate) fn sweep(root: &Path, is_idle: impl Fn(&Value) -> bool) -> Result<(), ReservedError> {
    let _lock = locked(root)?;
    let directory = directory(root);
    let entries = fs::read_dir(&directory).map_err(ReservedError::of(&directory))?;
    for path in
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "json"))
    {
        let object = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if object.is_some_and(|object| is_idle(&object)) {
            fs::remove_file(&path).map_err(ReservedError::of(&path))?;
        }
    }
    Ok(())
}

/// Returns when the directory holds a run.
pub(crate) async fn run_appears(directory: &Path) {
    let mut watch = Watch::new();
    loop {
        directory.ancestors().take(2).for_each(|path| watch.add(path));
        if exists(directory) {
            return;
        }
        watch.next(Duration::from_millis(5)).await;
    }
}

/// The system gives the lock back, whatever becomes of the process that holds it.
fn locked(root: &Path) -> Result<File, ReservedError> {
    let directory = directory(root);
    private::create_directory(&directory).map_err(ReservedError::of(&directory))?;
    let path = directory.join("lock");
    let lock = private::file().append(true).open(&path).map_err(ReservedError::of(&path))?;
    lock.lock().map_err(ReservedError::of(&path))?;
    Ok(lock)
}

fn directory(root: &Path) -> PathBuf {
    root.join("debounce")
}

/// The name is made by this program, of letters, digits and `-`.
fn path(root: &Path, name: &str) -> PathBuf {
    directory(root).join(name).with_extension("json")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_replaced_only_as_it_was_read() {
        let root = tempfile::tempdir().unwrap();
        let write = |object: &Value, before: Option<&Value>| write(root.path(), "a", object, before).unwrap();
        assert_eq!(read(root.path(), "a").unwrap(), None);
        assert!(write(&json!(1), None) && !write(&json!(2), None));
        assert!(write(&json!(2), Some(&json!(1))) && !write(&json!(3), Some(&json!(1))));
        assert_eq!(read(root.path(), "a").unwrap(), Some(json!(2)));
        assert!(super::write(root.path(), "b", &json!(9), None).unwrap());
        sweep(root.path(), |object| *object == json!(2)).unwrap();
        assert_eq!((read(root.path(), "a").unwrap(), read(root.path(), "b").unwrap()), (None, Some(json!(9))));
    }

    #[test]
    fn of_many_at_once_one_writes_first() {
        let root = tempfile::tempdir().unwrap();
        let wrote = std::thread::scope(|scope| {
            let root = root.path();
            let threads: Vec<_> =
                (0..20).map(|number| scope.spawn(move || write(root, "a", &json!(number), None).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|wrote| *wrote).count()
        });
        assert_eq!(wrote, 1);
    }
}
