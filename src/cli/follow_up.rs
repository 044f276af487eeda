//! What submit and retry do after they created runs: write handles, wait, notify, report and print.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::follow::{End, Screen, address, conclude, follow_all};
use super::handle;
use super::notify::NotifyArgs;
use super::report::ReportArgs;
use super::runtime::until_interrupted;
use super::values::span;
use crate::argo::Workflow;
use crate::backend::{Backend, Deadline, Snapshot};
use crate::exit::Exit;
use crate::handle::Handle;
use crate::local::failed_views::USUAL;
use crate::local::keep::Keep;
use crate::output::format::{Format, rendered};
use crate::output::stream::{self, talk};
use crate::report::address::Address;

/// The options for created runs.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "After creation")]
pub(super) struct FollowUp {
    /// Wait until the workflow ends; the exit code reports the result (3 Failed, 4 Error). Local runs always wait
    #[arg(short, long)]
    pub(super) wait: bool,

    /// Stop waiting after this time (exit code 5); a local run is stopped
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    pub(super) timeout: Option<Duration>,

    /// Return as soon as a local run has started; it goes on in the background, and every command finds it with --local
    #[arg(long, conflicts_with = "wait")]
    pub(super) detach: bool,

    /// Write a run handle (JSON) to this file, such as run.json; every command accepts it as RUN
    #[arg(long, value_name = "FILE", value_parser = handle::file)]
    pub(super) handle: Option<PathBuf>,

    /// Remove the oldest runs of this machine, and the caches that only they use, when there are more than this many or
    /// when all take more than this, such as 20, 5GB or 20,5GB. The latest attempt of a run that failed is kept
    #[arg(long, value_name = "RUNS,SIZE", env = "RUNNABLE_KEEP", hide_env_values = true)]
    pub(super) keep: Option<Keep>,

    /// Number of a local run's last failed tasks whose files are kept for shell; 0 keeps none
    #[arg(long, value_name = "NUMBER", default_value_t = USUAL)]
    pub(super) keep_failed: usize,

    #[command(flatten)]
    pub(super) notify: NotifyArgs,

    #[command(flatten)]
    pub(super) report: ReportArgs,
}

/// A created run.
#[derive(Debug, Clone)]
pub(super) struct CreatedRun {
    /// The Workflow object: as created, or the final one after waiting.
    pub(super) object: Workflow,
    /// The run's handle.
    pub(super) handle: Handle,
}

impl FollowUp {
    /// Fails if a file cannot be written, or if a flag needs --wait. The command always waits for a `local` run.
    pub(super) fn check(&self, local: bool) -> Result<(), Failure> {
        self.handle.as_deref().map_or(Ok(()), handle::check_writable)?;
        if self.detach && !local {
            return Err(Failure::usage("--detach is for local runs: a run on a cluster continues by itself")
                .hint("add --local, or leave --detach out"));
        }
        if self.wait || local {
            return self.report.check();
        }

        if self.timeout.is_some() {
            return Err(Failure::usage("--timeout needs --wait").hint("add --wait, or remove --timeout"));
        }
        if self.notify.is_requested() {
            return Err(Failure::usage("--notify and --notify-exec need --wait or --local").hint("add --wait"));
        }
        if self.report.is_requested() {
            return Err(Failure::usage("--report needs --wait or --local").hint("add --wait"));
        }
        Ok(())
    }

    /// The first of these flags that is set.
    pub(super) fn first_flag(&self) -> Option<&'static str> {
        let flags = [
            ("--handle", self.handle.is_some()),
            ("--wait", self.wait),
            ("--detach", self.detach),
            ("--timeout", self.timeout.is_some()),
            ("--notify", self.notify.is_requested()),
            ("--report", self.report.is_requested()),
        ];
        flags.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }

    /// Records a created run: writes its handle.
    pub(super) fn record_run(&self, object: Workflow, handle: Handle) -> Result<CreatedRun, Failure> {
        if let Some(path) = &self.handle {
            handle::write(path, &handle)?;
        }
        Ok(CreatedRun { object, handle })
    }

    /// Waits for runs that others carry out if that was asked for, and prints what was asked for. What was created is told
    /// however waiting for it went.
    pub(super) async fn conclude(
        &self,
        backend: &Backend,
        mut runs: Vec<CreatedRun>,
        output: Option<Format>,
        quiet: bool,
    ) -> Result<Exit, Failure> {
        let waits = self.wait || (matches!(backend, Backend::Local { .. }) && !self.detach);
        let ended = if waits { self.wait_for(backend, &mut runs, quiet).await } else { Ok(Exit::Success) };
        if !waits && !quiet {
            for run in &runs {
                tell_next_steps(&address(&backend.run_of(&run.object)?));
            }
        }
        print(output, runs)?;
        ended
    }

    /// Waits for all at once; the worst end counts. Their objects become the final ones.
    async fn wait_for(&self, backend: &Backend, runs: &mut [CreatedRun], quiet: bool) -> Result<Exit, Failure> {
        let continues = match &*runs {
            [run] => format!("workflow {} continues", run.handle.name),
            _ => "the workflows continue".to_owned(),
        };
        until_interrupted(self.ends(backend, runs, quiet), &continues).await
    }

    async fn ends(&self, backend: &Backend, runs: &mut [CreatedRun], quiet: bool) -> Result<Exit, Failure> {
        let deadline = Deadline::after(self.timeout);
        let screen = Screen::new(quiet);
        let ends = runs.iter_mut().map(|run| (run.handle.name.clone(), self.end(backend, run, deadline, &screen)));
        let followed = follow_all(ends).await;
        drop(screen);
        Ok(conclude(&followed, &self.report))
    }

    /// Waits for the end of a run and sends the notices.
    async fn end(
        &self,
        backend: &Backend,
        run: &mut CreatedRun,
        deadline: Deadline,
        screen: &Screen,
    ) -> Result<End, Failure> {
        let mut show = |state: &Snapshot| screen.show(state);
        let following = backend.run_of(&run.object)?;
        screen.expect(&following, &run.object).await;
        let ended = following.end(Some(&run.object), deadline, Some(&mut show)).await.map_err(Failure::from);
        let ended = ended.inspect_err(|failure| screen.print_failure(failure))?;
        run.object = ended.workflow.clone().written_out();
        let end = End::of(&following, ended).await;
        screen.end(&end);
        self.notify.send(&end).await;
        Ok(end)
    }
}

/// The commands that go on with a created run.
fn tell_next_steps(run: &Address) {
    let [wait, logs, retry] = run.after_submit();
    talk(format_args!("wait for its end   {wait}\nfollow its logs    {logs}\nif it fails        {retry}"));
}

/// Prints the objects in the requested format.
pub(super) fn print(format: Option<Format>, runs: Vec<CreatedRun>) -> Result<(), Failure> {
    let Some(format) = format else { return Ok(()) };
    Ok(stream::result(rendered_runs(format, runs))?)
}

/// The objects in a format; in JSON and YAML each has its handle as `run`.
pub(super) fn rendered_runs(format: Format, runs: Vec<CreatedRun>) -> String {
    let with_handle = matches!(format, Format::Json | Format::Yaml);
    let objects: Vec<Value> = runs
        .into_iter()
        .map(|run| {
            let object = run.object.into_value();
            if with_handle { run.handle.beside(object) } else { object }
        })
        .collect();
    rendered(format, &objects)
}
