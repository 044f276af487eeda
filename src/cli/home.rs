//! The directories of local runs and worktrees.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::settings::settings;
use crate::exit::Exit;

/// The root of worktrees in a pod, where a volume is mounted.
const WORK: &str = "/work";

/// The directory of local runs: `RUNNABLE_HOME`, else below the user's state directory.
pub(super) fn root() -> Result<PathBuf, Failure> {
    let root = set("RUNNABLE_HOME").or_else(|| user_directory("XDG_STATE_HOME", ".local/state"));
    let root = root.ok_or_else(|| {
        Failure::new(Exit::Tool, "no directory for local runs: HOME is not set")
            .hint("set RUNNABLE_HOME to a directory")
    })?;
    std::path::absolute(&root).map_err(|error| Failure::new(Exit::Tool, format!("{}: {error}", root.display())))
}

/// The file of settings; none without a home directory.
pub(super) fn config() -> Option<PathBuf> {
    user_directory("XDG_CONFIG_HOME", ".config").map(|directory| directory.join("config.yaml"))
}

/// The user's home directory.
pub(super) fn of_user() -> Option<PathBuf> {
    set("HOME").filter(|path| path.is_absolute())
}

/// The default root of worktrees: the setting, else `/work` if it exists, else below the user's data directory.
pub(super) fn worktrees() -> Result<PathBuf, Failure> {
    if let Some(root) = &settings().worktrees {
        return Ok(root.clone());
    }
    if Path::new(WORK).is_dir() {
        return Ok(WORK.into());
    }
    let data = user_directory("XDG_DATA_HOME", ".local/share").map(|data| data.join("worktrees"));
    data.ok_or_else(|| {
        Failure::usage("no directory for worktrees: /work does not exist and HOME is not set").hint("set --root")
    })
}

/// Our directory below the one that a variable names, else below the home directory.
fn user_directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    Some(base(variable, below_home)?.join("kubectl-runnable"))
}

/// The directory that a variable names, else one below the home directory. A relative path in the variable is ignored, as
/// the XDG Base Directory Specification requires.
pub(super) fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = set(variable).filter(|path| path.is_absolute());
    named.or_else(|| set("HOME").map(|home| home.join(below_home)))
}

/// The path in a variable, unless it is empty.
pub(super) fn set(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
