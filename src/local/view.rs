//! How a task sees the file system.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::sandbox;

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
