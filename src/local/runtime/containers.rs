//! Runs the containers of one task in order, as Argo's executor does.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::OptionFuture;

use super::argv::{Bind, Setting};
use super::container::{Container, Ended, Running};
use super::images::Wanted;
use super::{LABEL, Runtime, outputs};
use crate::blocking::blocking;
use crate::file::beneath::{Beneath, Place, path_of};
use crate::file::name::FileName;
use crate::file::remove::remove_tree;
use crate::file::tree;
use crate::local::kill::Kill;
use crate::local::orders::NOT_FOUND;
use crate::local::task::{ArtifactSource, FailedProcess, Outcome, Process, Task};
use crate::platform::HANDLE;

/// Where a task's files are staged, below its directory.
const STAGE: &str = "stage";
/// Argo's path of a script template's source.
const SCRIPT: &str = "/argo/staging/script";
/// How long a sidecar may take to end, Kubernetes' default grace period.
const SIDECAR_GRACE: Duration = Duration::from_secs(30);
/// The process whose outputs count.
const MAIN: &str = "main";

/// A task on its way through the runtime.
struct Run<'a> {
    runtime: &'a Runtime,
    task: &'a Task,
    /// The directory of its node.
    directory: &'a Path,
    stage: PathBuf,
    binds: Vec<Bind>,
    /// What the names of its containers begin with.
    prefix: String,
}

impl Runtime {
    /// Runs a task to its end; the logs are in the node's directory.
    pub(in crate::local) async fn run(&self, task: Task, directory: &Path, mut kill: Kill) -> Outcome {
        let stage = directory.join(STAGE);
        let failed = |why: String| Outcome { error: Some(why), ..Outcome::default() };
        let prefix = format!("runnable-{:016x}", rand::random::<u64>());
        let mut run = Run { runtime: self, task: &task, directory, stage: stage.clone(), binds: Vec::new(), prefix };
        let outcome = match run.lay() {
            Ok(()) => run.carry_out(&mut kill).await.unwrap_or_else(failed),
            Err(error) => failed(format!("cannot stage the task: {error}")),
        };
        // What is left costs space and nothing else.
        let _ = blocking(move || remove_tree(&stage)).await;
        outcome
    }
}

impl Run<'_> {
    /// Lays out what the containers see of this machine.
    fn lay(&mut self) -> io::Result<()> {
        remove_tree(&self.stage)?;
        fs::create_dir_all(self.stage.join("inputs"))?;
        for (number, input) in self.task.input_artifacts.iter().enumerate() {
            let source = self.stage.join("inputs").join(number.to_string());
            match &input.source {
                ArtifactSource::Raw(text) => fs::write(&source, text)?,
                ArtifactSource::Stored(path) => tree::copy(path, &source)?,
                ArtifactSource::Remote(_) => continue,
            }
            if source.symlink_metadata()?.is_symlink() {
                // A runtime mounts what a link names on this machine.
                return Err(io::Error::other(format!("artifact {} is a link, which no runtime mounts", input.name)));
            }
            if let Some(mode) = input.mode {
                tree::set_mode(&Place::of(&source)?, mode, input.recurse_mode)?;
            }
            self.binds.push(Bind { source, target: input.path.clone(), read_only: false });
        }
        for mount in &self.task.mounts {
            if !mount.source.exists() {
                // Its tasks may be different users.
                fs::create_dir_all(&mount.source)?;
                fs::set_permissions(&mount.source, Permissions::from_mode(0o777))?;
            }
            let source = if mount.sub_path.as_os_str().is_empty() {
                mount.source.clone()
            } else {
                let beneath = Beneath::directory(&mount.source)?;
                let place = beneath.open(&mount.sub_path, HANDLE);
                path_of(place.or_else(|_| beneath.make_directory(&mount.sub_path, 0o777))?)?
            };
            self.binds.push(Bind { source, target: mount.target.clone(), read_only: mount.read_only });
        }
        Ok(())
    }

    async fn carry_out(&self, kill: &mut Kill) -> Result<Outcome, String> {
        let mut outcome = Outcome::default();
        for process in &self.task.init {
            let Some(container) = self.create(process, kill, &mut outcome).await? else { return Ok(outcome) };
            let ended = self.attend(&container, process, false, kill, &mut outcome).await?;
            if outcome.killed.is_some() {
                return Ok(outcome);
            }
            if ended.exit_code != 0 {
                outcome.failed = Some(FailedProcess { name: process.name.clone(), exit_code: ended.exit_code });
                return Ok(outcome);
            }
        }

        let mut sidecars: Vec<(&Process, Container, Running)> = Vec::new();
        for process in &self.task.sidecars {
            let Some(container) = self.create(process, kill, &mut outcome).await? else { return Ok(outcome) };
            let running = container.start(&self.log(process)?, false).map_err(|error| error.to_string())?;
            sidecars.push((process, container, running));
        }
        let process = self.task.main.first().ok_or("a task without a container")?;
        let Some(container) = self.create(process, kill, &mut outcome).await? else { return Ok(outcome) };
        let ended = self.attend(&container, process, self.task.capture_result, kill, &mut outcome).await;
        for (process, container, mut running) in sidecars {
            if let Some(failed) = stop_sidecar(process, &container, &mut running).await {
                outcome.failed.get_or_insert(failed);
            }
        }
        Ok(self.conclude(&container, ended?, outcome))
    }

    /// Saves what there is, as Argo does whatever the exit code.
    fn conclude(&self, container: &Container, ended: Ended, mut outcome: Outcome) -> Outcome {
        if outcome.error.is_none() {
            let stage = self.stage.join("outputs");
            let save = || outputs::save(container, self.task, &stage, &self.binds, &mut outcome, ended.exit_code);
            tokio::task::block_in_place(save);
        }
        outcome.exit_code = Some(ended.exit_code);
        outcome.result = ended.result;
        outcome.containers = [(MAIN.to_owned(), outcome.exit_code)].into();
        outcome
    }

    /// Makes a container of a process; none where the task was told to end while its image was fetched.
    async fn create(
        &self,
        process: &Process,
        kill: &mut Kill,
        outcome: &mut Outcome,
    ) -> Result<Option<Container>, String> {
        let wanted = Wanted { image: process.image.clone(), pull: process.pull };
        let runtime = self.runtime.for_one_task();
        let fetching = runtime.clone();
        let mut had = blocking(move || fetching.have(&wanted));
        tokio::select! {
            had = &mut had => drop(had.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?),
            order = kill.next() => {
                runtime.end_fetching();
                let _ = had.await;
                outcome.killed = Some(order.reason);
                return Ok(None);
            }
        }
        let (variables, script) =
            self.stage_process(process).map_err(|error| format!("cannot stage {}: {error}", process.name))?;
        let mut binds = self.binds.clone();
        binds.extend(script.map(|source| Bind { source, target: SCRIPT.into(), read_only: true }));
        let name = format!("{}-{}", self.prefix, process.name);
        let label = format!("{LABEL}={}", self.directory.display());
        let of = Setting { name: &name, label: &label, variables: &variables, binds: &binds, script: SCRIPT };
        Container::create(self.runtime, process, &of).await.map(Some)
    }

    /// The files of a process's variables and script.
    fn stage_process(&self, process: &Process) -> io::Result<(PathBuf, Option<PathBuf>)> {
        let variables = self.stage.join(format!("{}.env", process.name));
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&variables)?;
        for (name, value) in &process.env {
            if value.contains(['\n', '\r']) || name.contains(['\n', '=']) {
                return Err(io::Error::other(format!(
                    "variable {name:?} has a line break, which a runtime takes from no file"
                )));
            }
            writeln!(file, "{name}={value}")?;
        }
        let Some(text) = &process.script else { return Ok((variables, None)) };
        let script = self.stage.join(format!("{}.script", process.name));
        fs::write(&script, text)?;
        fs::set_permissions(&script, Permissions::from_mode(0o755))?;
        Ok((variables, Some(script)))
    }

    fn log(&self, process: &Process) -> Result<PathBuf, String> {
        let name = FileName::new(format!("{}.log", process.name)).map_err(|error| error.to_string())?;
        Ok(self.directory.join(name.as_ref()))
    }

    /// Runs a container to its end, and ends it when it is told to.
    async fn attend(
        &self,
        container: &Container,
        process: &Process,
        kept: bool,
        kill: &mut Kill,
        outcome: &mut Outcome,
    ) -> Result<Ended, String> {
        let mut running = container.start(&self.log(process)?, kept).map_err(|error| error.to_string())?;
        let mut deadline = None;
        let exit_code = loop {
            let late: OptionFuture<_> = deadline.map(tokio::time::sleep_until).into();
            tokio::select! {
                code = running.wait() => break code.map_err(|error| error.to_string())?,
                order = kill.next() => {
                    outcome.killed = Some(order.reason);
                    deadline = Some(tokio::time::Instant::now() + order.grace);
                    container.signal("TERM").await;
                }
                Some(()) = late => {
                    deadline = None;
                    container.signal("KILL").await;
                }
            }
        };
        let ended = running.finish(exit_code).await;
        let is_suspect = [125, 126, 127].contains(&exit_code);
        if let Some(why) = if is_suspect { container.unstarted().await } else { None } {
            outcome.error = Some(format!("cannot start {:?} in image {:?}: {why}", process.command[0], process.image));
            return Ok(Ended { exit_code: NOT_FOUND, ..ended });
        }
        Ok(ended)
    }
}

/// Ends a sidecar; one that has failed before is told.
async fn stop_sidecar(process: &Process, container: &Container, running: &mut Running) -> Option<FailedProcess> {
    let ended = tokio::time::timeout(Duration::from_millis(1), running.wait()).await;
    let Ok(ended) = ended else {
        container.stop(SIDECAR_GRACE).await;
        return None;
    };
    let exit_code = ended.ok()?;
    let failed = ![0, 137, 143].contains(&exit_code);
    failed.then(|| FailedProcess { name: process.name.clone(), exit_code })
}
