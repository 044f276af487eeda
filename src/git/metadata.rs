//! Git's metadata of a worktree, `<base>/.git/worktrees/<name>/`, written for a detached `HEAD` and without a checkout.
//! The order of the files is chosen so that git can read the base if we are killed between any two of them:
//!
//! ```text
//! runnable.json   our record: task, commit, creator; its creator locks it while the worktree is being created
//! locked          "being made": stops `git worktree prune`; removed when the worktree is complete
//! commondir, gitdir, HEAD
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use git2::Repository;
use serde::{Deserialize, Serialize};

use super::error::GitError;
use super::identity::ObjectId;
use super::lock;
use crate::file::replace::{Durable, Readers, replace_with};

const RECORD: &str = "runnable.json";
const LOCKED: &str = "locked";
const BEING_MADE: &str = "kubectl runnable: being made";

/// Our record of a worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// The task.
    pub(crate) task_id: String,
    /// The commit at which it was created.
    pub(crate) commit: String,
    /// The full name of the ref it was created from.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none", default)]
    pub(crate) name: Option<String>,
    pub(crate) created_at: jiff::Timestamp,
    /// The process that created it.
    pub(crate) maker: String,
    /// The commit to which it is being moved: a killed move leaves files of both.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) moving_to: Option<String>,
}

/// The metadata of one worktree, whose directory may be gone.
#[derive(Debug, Clone)]
pub(super) struct Metadata {
    path: PathBuf,
}

/// The metadata of a worktree that is being created or moved. Its lock on the record lasts until it is dropped.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) metadata: Metadata,
    record: File,
}

/// How complete a worktree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// A running process is creating it.
    BeingMade,
    /// Its creator was killed.
    HalfMade,
    /// It is complete.
    Whole,
}

/// The metadata of all worktrees of a base.
pub(super) fn all(base: &Repository) -> Result<Vec<Metadata>, GitError> {
    let directory = base.commondir().join("worktrees");
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(GitError::file("read", &directory)(error)),
    };
    let mut all: Vec<Metadata> = entries.flatten().map(|entry| Metadata { path: entry.path() }).collect();
    all.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(all)
}

/// The metadata of the worktree at this path.
pub(super) fn of(base: &Repository, tree: &Path) -> Result<Option<Metadata>, GitError> {
    Ok(all(base)?.into_iter().find(|metadata| metadata.tree().as_deref() == Some(tree)))
}

/// Writes the metadata of a new worktree and its `.git` file. Under the lock.
pub(super) fn add(base: &Repository, tree: &Path, record: &Record, commit: &ObjectId) -> Result<Draft, GitError> {
    let path = unused_path(base, &record.task_id);
    fs::create_dir_all(&path).map_err(GitError::file("create", &path))?;
    let draft = Draft { record: write_record(&path, record)?, metadata: Metadata { path: path.clone() } };
    let write = |name: &str, text: String| {
        let file = path.join(name);
        fs::write(&file, text).map_err(GitError::file("write", &file))
    };
    mark(&path)?;
    write("commondir", "../..\n".to_owned())?;
    write("gitdir", format!("{}\n", tree.join(".git").display()))?;
    write("HEAD", format!("{commit}\n"))?;

    fs::create_dir(tree).map_err(GitError::file("create", tree))?;
    let pointer = tree.join(".git");
    fs::write(&pointer, format!("gitdir: {}\n", path.display())).map_err(GitError::file("write", &pointer))?;
    Ok(draft)
}

/// Marks the worktree of this metadata as being created or moved. The file appears with its text: an empty one, as a
/// process killed between its creation and the first write would leave, is a lock of the user to git and to us.
fn mark(path: &Path) -> Result<(), GitError> {
    let locked = path.join(LOCKED);
    let text = format!("{BEING_MADE}\n");
    replace_with(&locked, Readers::Umask, Durable::No, |file| file.write_all(text.as_bytes()))
        .map_err(GitError::file("write", &locked))
}

fn write_record(path: &Path, record: &Record) -> Result<File, GitError> {
    let mut file = hold_record(path)?;
    rewrite(&mut file, record).map_err(GitError::file("write", &path.join(RECORD)))?;
    Ok(file)
}

fn hold_record(path: &Path) -> Result<File, GitError> {
    let path = path.join(RECORD);
    let open = || {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path)?;
        // `lock::is_held` takes a shared lock for an instant, so wait instead of failing.
        file.lock()?;
        Ok(file)
    };
    open().map_err(GitError::file("open", &path))
}

fn rewrite(file: &mut File, record: &Record) -> io::Result<()> {
    lock::overwrite(file, &serde_json::to_string(record)?)
}

/// An unused name that git accepts as part of a ref (`worktrees/<name>/HEAD`).
fn unused_path(base: &Repository, task: &str) -> PathBuf {
    let directory = base.commondir().join("worktrees");
    let is_ref = !task.ends_with('.') && !task.to_ascii_lowercase().ends_with(".lock");
    let name = if is_ref { task.to_owned() } else { format!("{task}-") };
    let mut number = 0;
    loop {
        let path = if number == 0 { directory.join(&name) } else { directory.join(format!("{name}{number}")) };
        if fs::symlink_metadata(&path).is_err() {
            return path;
        }
        number += 1;
    }
}

/// Whether a directory is empty, except perhaps for an empty `.git` file of a killed init.
pub(super) fn is_bare(tree: &Path) -> bool {
    let is_pointer = |entry: &fs::DirEntry| {
        entry.file_name() == ".git" && entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
    };
    fs::read_dir(tree).is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| is_pointer(&entry))))
}

/// The path with `.` and `..` resolved lexically; links are not followed.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            component => plain.push(component),
        }
    }
    plain
}

impl Draft {
    /// Records that the move to another commit is complete.
    pub(super) fn move_to(&mut self, commit: &ObjectId, name: Option<&str>) -> Result<(), GitError> {
        self.note(|record| {
            record.commit = commit.to_string();
            record.name = name.map(str::to_owned);
            record.moving_to = None;
        })
    }

    /// Records that the move did not happen: the worktree is still at its old commit.
    pub(super) fn stay(&mut self) -> Result<(), GitError> {
        self.note(|record| record.moving_to = None)
    }

    /// Changes the record. A worktree that git or the user created has none.
    fn note(&mut self, change: impl FnOnce(&mut Record)) -> Result<(), GitError> {
        let Some(mut record) = self.metadata.record() else { return Ok(()) };
        change(&mut record);
        rewrite(&mut self.record, &record).map_err(GitError::file("write", &self.metadata.path.join(RECORD)))
    }

    /// Marks the worktree as complete.
    pub(super) fn finish(self) -> Result<(), GitError> {
        if self.metadata.lock_reason().is_some() {
            return Ok(());
        }
        let locked = self.metadata.path.join(LOCKED);
        fs::remove_file(&locked).map_err(GitError::file("remove", &locked))
    }
}

impl Metadata {
    /// The directory of the metadata.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of the worktree, which may be gone.
    pub(super) fn tree(&self) -> Option<PathBuf> {
        let text = fs::read_to_string(self.path.join("gitdir")).ok()?;
        let tree = Path::new(text.trim_end_matches('\n')).parent()?;
        // With worktree.useRelativePaths, git 2.48 writes a path relative to the metadata.
        if tree.is_absolute() { Some(tree.to_owned()) } else { Some(without_dots(&self.path.join(tree))) }
    }

    /// Our record; none for a worktree that git or the user created.
    pub(super) fn record(&self) -> Option<Record> {
        serde_json::from_str(&fs::read_to_string(self.path.join(RECORD)).ok()?).ok()
    }

    pub(super) fn stage(&self) -> Stage {
        let record = self.path.join(RECORD);
        if lock::is_held(&record) {
            return Stage::BeingMade;
        }
        let locked = fs::read_to_string(self.path.join(LOCKED)).unwrap_or_default();
        // We write the record first: if `HEAD` is missing, the creator was killed between the two.
        let is_half = locked.starts_with(BEING_MADE) || (record.exists() && !self.path.join("HEAD").exists());
        if is_half { Stage::HalfMade } else { Stage::Whole }
    }

    /// The reason given to `git worktree lock`, if somebody locked it.
    pub(super) fn lock_reason(&self) -> Option<String> {
        let text = fs::read_to_string(self.path.join(LOCKED)).ok()?;
        (!text.starts_with(BEING_MADE)).then(|| text.trim().to_owned())
    }

    /// The content of its `HEAD`: a commit id, or `ref: ` and a branch.
    pub(super) fn head(&self) -> Option<String> {
        Some(fs::read_to_string(self.path.join("HEAD")).ok()?.trim().to_owned())
    }

    /// Whether a directory is its worktree: its `.git` file says so, or it is empty because its creator was killed
    /// right after creating it.
    pub(super) fn owns(&self, tree: &Path) -> bool {
        let pointer = tree.join(".git");
        let is_file = fs::symlink_metadata(&pointer).is_ok_and(|metadata| metadata.is_file());
        let text = if is_file { fs::read_to_string(pointer).unwrap_or_default() } else { String::new() };
        match text.trim_end_matches('\n').strip_prefix("gitdir: ") {
            Some(path) => fs::canonicalize(tree.join(path)).ok() == fs::canonicalize(&self.path).ok(),
            None => fs::symlink_metadata(tree).is_ok_and(|metadata| metadata.is_dir()) && is_bare(tree),
        }
    }

    /// Whether a killed removal left so little that it no longer names its worktree.
    pub(super) fn is_debris(&self) -> bool {
        let is_named = self.tree().is_some() || self.path.join(RECORD).exists();
        !is_named && self.lock_reason().is_none()
    }

    /// Waits until its creator has finished or ended.
    pub(super) fn wait(&self, timeout: std::time::Duration) -> Result<(), GitError> {
        lock::wait_until_free(&self.path.join(RECORD), timeout)
    }

    /// Marks a complete worktree without work as being moved to another commit, unless somebody has locked it. Under
    /// the lock.
    pub(super) fn begin_move(&self, maker: String, commit: &ObjectId) -> Result<Draft, GitError> {
        let mut draft = Draft { record: hold_record(&self.path)?, metadata: self.clone() };
        if self.lock_reason().is_none() {
            mark(&self.path)?;
            draft.note(|record| {
                record.maker = maker;
                record.moving_to = Some(commit.to_string());
            })?;
        }
        Ok(draft)
    }

    /// Removes the metadata. Under the lock.
    pub(super) fn remove(&self) -> Result<(), GitError> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(GitError::file("remove", &self.path)(error)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another name of the old file keeps its text: a reader, or a kill, sees the old file or the whole new one.
    #[test]
    fn a_mark_appears_with_its_text() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let (locked, old) = (directory.path().join(LOCKED), directory.path().join("old"));
        fs::write(&locked, "before")?;
        fs::hard_link(&locked, &old)?;
        mark(directory.path())?;
        assert_eq!(fs::read_to_string(&locked)?, format!("{BEING_MADE}\n"));
        assert_eq!(fs::read_to_string(&old)?, "before", "the file is replaced, not written again");
        Ok(())
    }
}
