//! Directories of the user: where local runs are kept, and where worktrees are made.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::exit::Exit;

/// Where worktrees are made in a pod: a volume is mounted there.
const WORK: &str = "/work";

/// Where local runs are kept: `RUNNABLE_HOME`, else the user's directory for state.
pub(super) fn root() -> Result<PathBuf, Failure> {
    let root = set("RUNNABLE_HOME").or_else(|| user_directory("XDG_STATE_HOME", ".local/state"));
    let root = root.ok_or_else(|| {
        Failure::new(Exit::Tool, "no place for the run's directory").hint("set RUNNABLE_HOME to a directory")
    })?;
    std::path::absolute(&root).map_err(|error| Failure::new(Exit::Tool, format!("{}: {error}", root.display())))
}

/// Where worktrees are made: `/work` if it is there, else below the user's directory for data.
pub(super) fn worktrees() -> Result<PathBuf, Failure> {
    if Path::new(WORK).is_dir() {
        return Ok(WORK.into());
    }
    let data = user_directory("XDG_DATA_HOME", ".local/share").map(|data| data.join("worktrees"));
    data.ok_or_else(|| Failure::usage("no place for worktrees: neither /work nor HOME is there").hint("give --root"))
}

/// Ours below a directory that a variable names, else below one of the home directory. A relative path in such a variable
/// counts as none: so says the XDG Base Directory Specification.
fn user_directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = set(variable).filter(|path| path.is_absolute());
    let directory = named.or_else(|| set("HOME").map(|home| home.join(below_home)))?;
    Some(directory.join("kubectl-runnable"))
}

fn set(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
