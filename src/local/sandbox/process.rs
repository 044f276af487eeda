//! Starts one process of a task.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, PipeReader};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

use super::ground::Ground;
use super::scarcity::wait_for_room;
use super::security::restrict;
use crate::file::beneath::path_of;
use crate::local::capture::Capture;
use crate::local::task::Process;
use crate::platform::set_small_pages;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a process did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(
        "program {program:?} not found on the PATH; a local task runs with the programs of this machine, not with those of \
         image {image:?} (template {template:?}): install it here, or give the template a `command` that is here"
    )]
    NotFound { program: String, image: String, template: String },
    #[error("cannot enter the working directory {}: {source}", path.display())]
    WorkingDirectory {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot start {program}: {source}")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
}

/// A process that was started, the leader of its own group.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) pid: Pid,
    /// Its standard output, when that is captured.
    pub(super) output: Option<Capture<PipeReader>>,
}

/// Where a process writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// To its log.
    Log,
    /// To its log, and its standard output is kept too.
    Kept,
    /// Nowhere.
    Dropped,
    /// Where this process does, from which it reads too.
    Inherited,
}

/// Starts `process`.
pub(super) fn start(process: &Process, ground: &Ground, output: Output) -> Result<Started, StartError> {
    let directory = working_directory(process, ground)?;
    let program = find_program(process, ground, &directory)?;
    let name = &process.command[0];
    let failed = |source| StartError::Start { program: name.clone(), source };
    let log = ground.logs.get(&process.name).ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    let null = File::options().read(true).write(output == Output::Dropped).open("/dev/null").map_err(failed)?;
    let (reader, writer) =
        if output == Output::Kept { Some(io::pipe().map_err(failed)?).unzip() } else { (None, None) };
    let log_or_null = if output == Output::Dropped { null.as_fd() } else { log.as_fd() };
    let (input, result, errors) = (io::stdin(), io::stdout(), io::stderr());
    let program = ::supervisor::Program {
        path: text(program.into()).map_err(failed)?,
        arguments: arguments(process, ground).map_err(failed)?,
        environment: environment(process, ground).map_err(failed)?,
        directory: text(directory.into()).map_err(failed)?,
        streams: match output {
            Output::Inherited => [input.as_fd(), result.as_fd(), errors.as_fd()],
            _ => [null.as_fd(), writer.as_ref().map_or(log_or_null, AsFd::as_fd), log_or_null],
        },
    };
    let prepare = || {
        // The memory is still that of both.
        set_small_pages(!ground.huge_pages);
        restrict(&process.security)
    };
    let pid = wait_for_room(|| ::supervisor::spawn(&program, prepare)).map_err(failed)?;
    set_small_pages(true);
    let output = match reader {
        Some(reader) => Some(Capture::new(reader, log.try_clone().map_err(failed)?)),
        None => None,
    };
    Ok(Started { pid, output })
}

fn arguments(process: &Process, ground: &Ground) -> io::Result<Vec<CString>> {
    let script = process.script.as_ref().map(|_| ground.script.clone().into_os_string());
    process.command.iter().map(OsString::from).chain(script).map(text).collect()
}

/// What the engine hands on, with the container's own variables over it.
fn environment(process: &Process, ground: &Ground) -> io::Result<Vec<CString>> {
    let mut variables: BTreeMap<OsString, OsString> = env::vars_os().collect();
    variables.insert("HOSTNAME".into(), ground.node.clone().into());
    variables.extend(process.env.iter().map(|(name, value)| (name.into(), value.into())));
    let pairs = variables.into_iter().map(|(mut pair, value)| {
        pair.push("=");
        pair.push(value);
        text(pair)
    });
    pairs.collect()
}

fn text(text: OsString) -> io::Result<CString> {
    Ok(CString::new(text.into_vec())?)
}

fn working_directory(process: &Process, ground: &Ground) -> Result<PathBuf, StartError> {
    let relative = process.working_directory.as_deref().unwrap_or(Path::new(""));
    let path = ground.working_directory.join(relative);
    match ground.root.make_directory(&path, 0o755).and_then(path_of) {
        Ok(path) => Ok(path),
        Err(source) => Err(StartError::WorkingDirectory { path, source }),
    }
}

fn find_program(process: &Process, ground: &Ground, directory: &Path) -> Result<PathBuf, StartError> {
    let name = process.command.first().map_or("", String::as_str);
    if name.contains('/') {
        let path = directory.join(name);
        return if path.exists() { Ok(path) } else { Err(not_found(process, ground)) };
    }
    let own = process.env.iter().rev().find(|(variable, _)| variable == "PATH");
    let path = own.map(|(_, value)| OsString::from(value)).or_else(|| env::var_os("PATH"));
    env::split_paths(&path.unwrap_or_else(|| DEFAULT_PATH.into()))
        .map(|entry| directory.join(entry).join(name))
        .find(|candidate| !name.is_empty() && is_executable(candidate))
        .ok_or_else(|| not_found(process, ground))
}

fn not_found(process: &Process, ground: &Ground) -> StartError {
    let program = process.command.first().cloned().unwrap_or_default();
    StartError::NotFound { program, image: process.image.clone(), template: ground.template.clone() }
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
