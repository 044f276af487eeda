//! Which layers a failed task has left: written beside them, so that they can be laid out again over the same directories of
//! the host.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mounts::Problem;

/// The file's name in the view.
const FILE: &str = "layers.json";

/// What is written down.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Left {
    /// The highest number of a layer.
    pub(super) count: usize,
    /// The numbers of upper layers, by the host's directories below them.
    pub(super) uppers: BTreeMap<PathBuf, usize>,
    /// The host's directories whose upper layers lay in memory, and are gone.
    pub(super) memory: Vec<PathBuf>,
}

impl Left {
    /// Of a view in which no task has left anything there are none.
    pub(super) fn of(view: &Path) -> Result<Self, Problem> {
        let file = view.join(FILE);
        let read = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        };
        read.map_err(|error| Problem::new("read", file, error))
    }

    pub(super) fn write(&self, view: &Path) -> Result<(), Problem> {
        let file = view.join(FILE);
        let text = serde_json::to_vec(self).map_err(io::Error::from);
        text.and_then(|text| fs::write(&file, text)).map_err(|error| Problem::new("write", file, error))
    }
}
