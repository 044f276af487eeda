//! Where local runs are kept.

use std::path::PathBuf;

use super::failure::Failure;
use crate::exit::Exit;

/// `RUNNABLE_HOME`, else the user's directory for state.
pub(super) fn root() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = set("RUNNABLE_HOME")
        .or_else(|| set("XDG_STATE_HOME").map(|state| state.join("kubectl-runnable")))
        .or_else(|| set("HOME").map(|home| home.join(".local/state/kubectl-runnable")));
    let root = root.ok_or_else(|| {
        Failure::new(Exit::Tool, "no place for the run's directory").hint("set RUNNABLE_HOME to a directory")
    })?;
    std::path::absolute(&root).map_err(|error| Failure::new(Exit::Tool, format!("{}: {error}", root.display())))
}
