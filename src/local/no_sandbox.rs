//! In the place of the inside of tasks, on systems other than Linux: programs of this machine cannot be tasks there, for no
//! kernel call keeps what they start, write and see apart. A local run takes the containers of a runtime (`super::runtime`).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::orders::Reach;
use super::view::View;
use crate::exit::Exit;

/// Whether programs of this machine can be tasks.
pub(crate) const RUNS_TASKS: bool = false;

/// The hidden command is refused: no run gives a worker a task.
pub(crate) fn task_entry(_arguments: impl Iterator<Item = OsString>) -> ExitCode {
    Exit::Usage.into()
}

/// Finds that no view works.
pub(crate) fn probe(_executable: &Path, _scratch: &Path, _view: &View) -> Result<(), String> {
    Err("it needs Linux".to_owned())
}

/// Finds nothing: no task writes there.
pub(crate) fn reach(_hidden: &[PathBuf]) -> Reach {
    Reach::default()
}
