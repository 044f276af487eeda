//! What a task's processes need that is opened on the host, before their view is entered.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Assignment;
use super::mounts::Problem;
use crate::file::beneath::Beneath;
use crate::file::name::FileName;
use crate::file::private;
use crate::local::artifact::Destination;

/// What the processes need that was opened on the host.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) logs: BTreeMap<String, File>,
    /// In the order of the task's output artifacts.
    pub(super) stores: Vec<Destination>,
    /// Where a process without a working directory runs.
    pub(super) working_directory: PathBuf,
    /// Where a script's source lies.
    pub(super) script: PathBuf,
    /// What the paths of the document are resolved beneath.
    pub(super) root: Beneath,
    /// The node's id, which the processes have as the name of their host.
    pub(super) node: String,
    /// Whether the processes may have huge pages.
    pub(super) huge_pages: bool,
    /// The name of the template, for messages.
    pub(super) template: String,
}

impl Ground {
    pub(super) fn open(assignment: &Assignment, huge_pages: bool) -> Result<Self, Problem> {
        let Assignment { task, directory, is_visit } = assignment;
        let processes = task.init.iter().chain(&task.main).chain(&task.sidecars);
        Ok(Self {
            logs: processes
                .map(|process| Ok((process.name.clone(), open_log(directory, &process.name, *is_visit)?)))
                .collect::<Result<_, Problem>>()?,
            stores: task
                .output_artifacts
                .iter()
                .map(|artifact| {
                    let store = &artifact.store;
                    Destination::open(store).map_err(|error| Problem::new("make room at", store, error))
                })
                .collect::<Result<_, _>>()?,
            working_directory: PathBuf::new(),
            script: PathBuf::new(),
            root: Self::open_root()?,
            node: task.node.clone(),
            huge_pages,
            template: task.template.clone(),
        })
    }

    /// The root of this process as it is now.
    pub(super) fn open_root() -> Result<Beneath, Problem> {
        Beneath::root().map_err(|error| Problem::new("open", "/", error))
    }
}

fn open_log(directory: &Path, process: &str, as_it_is: bool) -> Result<File, Problem> {
    let name = FileName::new(format!("{process}.log")).map_err(|error| {
        Problem::new("open the log of a container in", directory, io::Error::new(io::ErrorKind::InvalidInput, error))
    })?;
    let path = directory.join(name);
    let begin = |log: File| if as_it_is { Ok(log) } else { log.set_len(0).map(|()| log) };
    let log = private::file().append(true).open(&path).and_then(begin);
    log.map_err(|error| Problem::new("open the log", path, error))
}
