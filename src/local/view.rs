//! How a task sees the file system.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::sandbox;
use crate::blocking::blocking;

/// The kinds of view, best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// The whole host through copy-on-write layers, with its own `/tmp`, in mount and PID namespaces. Needs root.
    Overlay,
    /// The host's top-level directories, copy-on-write where the kernel allows it and read-only elsewhere, in a user
    /// namespace where the caller appears as root.
    Bind,
    /// No view of its own: absolute paths are the host's. Holds the reason, for a warning.
    Plain(String),
}

impl View {
    /// Finds the best view that works here by laying one out for an empty task below `scratch` (left clean).
    /// `executable` is this program.
    pub fn detect(executable: &Path, scratch: &Path) -> Self {
        let mut reasons = Vec::new();
        for view in [Self::Overlay, Self::Bind] {
            match sandbox::probe(executable, scratch, &view) {
                Ok(()) => return view,
                Err(reason) => reasons.push(format!("{}: {reason}", view.word())),
            }
        }
        Self::Plain(reasons.join("; "))
    }

    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Bind => "bind",
            Self::Plain(_) => "plain",
        }
    }
}

/// The view of this machine's tasks. It is found out when the first task needs one, or is sure to come: to lay one out costs
/// more than a run of which no task has to run.
#[derive(Clone)]
pub struct MachineView {
    found: Arc<OnceCell<View>>,
    executable: PathBuf,
    scratch: PathBuf,
    /// Told before the first task begins.
    on_found: Arc<dyn Fn(&View) + Send + Sync>,
}

impl MachineView {
    /// The best view that works here; see [`View::detect`].
    pub(crate) fn of(executable: &Path, scratch: &Path) -> Self {
        Self {
            found: Arc::default(),
            executable: executable.to_owned(),
            scratch: scratch.to_owned(),
            on_found: Arc::new(|_| {}),
        }
    }

    /// The same, which tells what was found before the first task begins.
    pub(crate) fn telling(self, on_found: impl Fn(&View) + Send + Sync + 'static) -> Self {
        Self { on_found: Arc::new(on_found), ..self }
    }

    /// The view, found out by now.
    pub(super) async fn get(&self) -> &View {
        let find = async || {
            let (executable, scratch) = (self.executable.clone(), self.scratch.clone());
            let found = blocking(move || View::detect(&executable, &scratch)).await;
            let found = found.unwrap_or_else(|panic| View::Plain(panic.to_string()));
            (self.on_found)(&found);
            found
        };
        self.found.get_or_init(find).await
    }
}

impl From<View> for MachineView {
    fn from(view: View) -> Self {
        Self { found: Arc::new(OnceCell::new_with(Some(view))), ..Self::of(Path::new(""), Path::new("")) }
    }
}

impl fmt::Debug for MachineView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.found.fmt(formatter)
    }
}
