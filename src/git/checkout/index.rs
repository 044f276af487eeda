//! Writes the worktree's index with the state of each file on disk, so that `git status` need not read the files.

use std::path::Path;

use git2::{Index, IndexEntry, IndexTime};
use rustix::fs::Stat;

use super::super::error::GitError;
use super::files::Written;
use super::plan::{CheckoutPlan, Entry};

/// The flag of entries that a sparse checkout leaves out.
const SKIP_WORKTREE: u16 = 1 << 14;
/// The low 12 bits of an entry's flags hold the length of its name, at most this value.
const NAME_LENGTH_MASK: usize = 0xfff;

/// Replaces the index.
pub(super) fn write(path: &Path, plan: &CheckoutPlan, written: &Written) -> Result<(), GitError> {
    let write = || {
        let mut index = Index::open(path)?;
        index.clear()?;
        for (number, entry) in plan.entries.iter().enumerate() {
            index.add(&recorded(entry, written.of(number)))?;
        }
        index.write()
    };
    write().map_err(GitError::library("write the worktree's index"))
}

/// The index stores the low 32 bits of each number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as git's index format has it")]
fn recorded(entry: &Entry, stat: Option<&Stat>) -> IndexEntry {
    IndexEntry {
        ctime: stat
            .map_or(IndexTime::new(0, 0), |stat| IndexTime::new(stat.st_ctime as i32, stat.st_ctime_nsec as u32)),
        mtime: stat
            .map_or(IndexTime::new(0, 0), |stat| IndexTime::new(stat.st_mtime as i32, stat.st_mtime_nsec as u32)),
        dev: stat.map_or(0, |stat| stat.st_dev as u32),
        ino: stat.map_or(0, |stat| stat.st_ino as u32),
        mode: entry.mode,
        uid: stat.map_or(0, |stat| stat.st_uid),
        gid: stat.map_or(0, |stat| stat.st_gid),
        file_size: stat.map_or(0, |stat| stat.st_size as u32),
        id: entry.id,
        flags: entry.path.len().min(NAME_LENGTH_MASK) as u16,
        flags_extended: if entry.wanted { 0 } else { SKIP_WORKTREE },
        path: entry.path.clone(),
    }
}
