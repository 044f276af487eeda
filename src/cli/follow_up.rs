//! What follows once runs are there: their handles are written, their ends waited for, told, reported and printed.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::follow::{Screen, at_once, conclude};
use super::handle;
use super::notify::NotifyArgs;
use super::report::ReportArgs;
use super::runtime::looking_on;
use super::values::span;
use crate::argo::Workflow;
use crate::backend::{Deadline, Run, Snapshot};
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::handle::Handle;
use crate::output::format::{Format, rendered};
use crate::output::stream;

/// What is done about runs that this command makes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct FollowUp {
    /// Wait until the workflow ends; the exit code reports the result (3 Failed, 4 Error). Local runs always wait
    #[arg(short, long)]
    pub(super) wait: bool,

    /// Stop waiting after this time (exit code 5); a local run is stopped
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    pub(super) timeout: Option<Duration>,

    /// Write a run handle (JSON) to this file, such as run.json; every command accepts it as RUN
    #[arg(long, value_name = "FILE", value_parser = handle::file)]
    pub(super) handle: Option<PathBuf>,

    #[command(flatten)]
    pub(super) notify: NotifyArgs,

    #[command(flatten)]
    pub(super) report: ReportArgs,
}

/// A run that is there.
#[derive(Debug)]
pub(super) struct Made {
    /// The Workflow object, as it was created or as it ended.
    pub(super) object: Workflow,
    /// What finds it again.
    pub(super) handle: Handle,
}

impl FollowUp {
    /// Refuses files that cannot be written, and flags that have nothing to wait for. A `local` run is always waited for.
    pub(super) fn agree(&self, local: bool) -> Result<(), Failure> {
        self.handle.as_deref().map_or(Ok(()), handle::agree)?;
        if self.wait || local {
            return self.report.agree();
        }
        if self.timeout.is_some() {
            return Err(Failure::usage("--timeout needs --wait").hint("add --wait, or leave --timeout out"));
        }
        if self.notify.is_wanted() {
            return Err(Failure::usage("--notify and --notify-exec need --wait or --local").hint("add --wait"));
        }
        if self.report.is_wanted() {
            return Err(Failure::usage("--report needs --wait or --local").hint("add --wait"));
        }
        Ok(())
    }

    /// A flag that was given, if one was.
    pub(super) fn given(&self) -> Option<&'static str> {
        let flags = [
            ("--handle", self.handle.is_some()),
            ("--wait", self.wait),
            ("--timeout", self.timeout.is_some()),
            ("--notify", self.notify.is_wanted()),
            ("--report", self.report.is_wanted()),
        ];
        flags.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }

    /// Takes note of a run that is there now.
    pub(super) fn made(&self, object: Workflow, handle: Handle) -> Result<Made, Failure> {
        if let Some(path) = &self.handle {
            handle::write(path, &handle)?;
        }
        Ok(Made { object, handle })
    }

    /// Waits for runs of a cluster if that was asked for, and prints what was asked for. What was created is told however
    /// waiting for it went.
    pub(super) async fn conclude(
        &self,
        cluster: &Cluster,
        mut runs: Vec<Made>,
        output: Option<Format>,
        quiet: bool,
    ) -> Result<Exit, Failure> {
        let ended = if self.wait { self.wait_for(cluster, &mut runs, quiet).await } else { Ok(Exit::Success) };
        print(output, runs)?;
        ended
    }

    /// Waits for all at once; the worst end counts. Their objects become the final ones.
    async fn wait_for(&self, cluster: &Cluster, runs: &mut [Made], quiet: bool) -> Result<Exit, Failure> {
        let goes_on = match &*runs {
            [run] => format!("workflow {} goes on", run.handle.name),
            _ => "the workflows go on".to_owned(),
        };
        looking_on(self.ends(cluster, runs, quiet), &goes_on).await
    }

    async fn ends(&self, cluster: &Cluster, runs: &mut [Made], quiet: bool) -> Result<Exit, Failure> {
        let deadline = Deadline::after(self.timeout);
        let screen = Screen::new(quiet);
        let ends = runs.iter_mut().map(|run| (run.handle.name.clone(), self.end(cluster, run, deadline, &screen)));
        let followed = at_once(ends).await;
        drop(screen);
        Ok(conclude(&followed, &self.report))
    }

    /// How a run ended, once all are told who are to be.
    async fn end(
        &self,
        cluster: &Cluster,
        run: &mut Made,
        deadline: Deadline,
        screen: &Screen,
    ) -> Result<Snapshot, Failure> {
        let mut show = |state: &Snapshot| screen.show(state);
        let following = Run::of_workflow(cluster, &run.object);
        let ended = following.end(Some(&run.object), deadline, Some(&mut show)).await.map_err(Failure::from);
        let ended = ended.inspect_err(|failure| screen.lose(failure))?;
        run.object = ended.workflow.clone().written_out();
        screen.end(&ended);
        self.notify.tell(&ended.workflow).await;
        Ok(ended)
    }
}

/// What was asked for on standard output, if anything was: the objects, in JSON and YAML each with its handle as `run`.
pub(super) fn print(format: Option<Format>, runs: Vec<Made>) -> Result<(), Failure> {
    let Some(format) = format else { return Ok(()) };
    let with_handle = matches!(format, Format::Json | Format::Yaml);
    let objects: Vec<Value> = runs
        .into_iter()
        .map(|run| {
            let object = run.object.into_value();
            if with_handle { run.handle.beside(object) } else { object }
        })
        .collect();
    Ok(stream::result(rendered(format, &objects))?)
}
