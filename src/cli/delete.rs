//! `delete`: runs that are not needed any more, with their caches where that is asked for.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::cache::{ConsentArgs, Reach, caches_of_runs, delete_unused};
use super::failure::Failure;
use super::runtime::block_on;
use super::selection::SelectionArgs;
use super::target::TargetArgs;
use crate::argo::Workflow;
use crate::backend::{Run, Snapshot};
use crate::exit::Exit;
use crate::local::record::RecordError;
use crate::output::format::{Format, name, rendered};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # One run, with the cache that no other run uses
  kubectl runnable delete etl-x2k9f --with-cache

  # See which runs ended more than a week ago, then delete them
  kubectl runnable delete --older 7d --dry-run
  kubectl runnable delete --older 7d

  # All runs with a label that have ended
  kubectl runnable delete -l team=data --completed

  # Runs of this machine, without confirmation
  kubectl runnable delete --local --completed --with-cache --yes

On a terminal it asks for confirmation; without one (in CI, behind a pipe) it proceeds, as with --yes. A run that goes on is
refused (exit code 7), and left out where it was not named; --force deletes it from a cluster.";

/// So many runs are named in a question.
const NAMED: usize = 5;
/// Number of workflows to request from the server per page.
const CHUNK: u32 = 200;

/// Delete runs, and with --with-cache the caches that no other run uses
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Names of runs, @latest, or files written by submit --handle
    #[arg(value_name = "RUN", required_unless_present_any = SELECTING, conflicts_with_all = SELECTING)]
    runs: Vec<String>,

    /// All runs of the namespace; without --force those that have ended
    #[arg(long)]
    all: bool,

    /// Runs of all namespaces
    #[arg(short = 'A', long, conflicts_with = "runs")]
    all_namespaces: bool,

    /// Also delete the caches of these runs that no other run and no template refers to
    #[arg(long)]
    with_cache: bool,

    /// Also delete runs of a cluster that have not ended
    #[arg(long)]
    force: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    select: SelectionArgs,

    #[command(flatten)]
    consent: ConsentArgs,

    #[command(flatten)]
    target: TargetArgs,
}

/// The flags that say which runs are meant, where none is named.
const SELECTING: [&str; 10] = {
    let [a, b, c, d, e, f, g, h, i] = SelectionArgs::FLAGS;
    ["all", a, b, c, d, e, f, g, h, i]
};

/// A run that was seen.
struct Seen {
    run: Run,
    /// As much of the object as will be needed.
    workflow: Workflow,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        let mut exit = Exit::Success;
        let seen = if args.runs.is_empty() { args.selected().await? } else { args.named(&mut exit).await? };
        if seen.is_empty() {
            if args.runs.is_empty() {
                talk("no runs to delete");
            }
            return Ok(exit);
        }
        let caches =
            if args.with_cache { caches_of_runs(seen.iter().map(|one| one.workflow.value())) } else { BTreeSet::new() };
        if !args.consent.dry_run && !args.consent.given(&question(&seen, caches.len()))? {
            return Ok(ConsentArgs::declined());
        }
        let mut deleted = Vec::new();
        for Seen { run, workflow } in seen {
            match run.delete(args.force, args.consent.dry_run).await {
                Ok(()) => {
                    args.tell(&name(workflow.value()))?;
                    deleted.push((run, workflow));
                }
                Err(error) => exit = exit.max(Failure::from(error).report()),
            }
        }
        if let (true, Some((run, _))) = (args.with_cache, deleted.first()) {
            let gone: Vec<_> = deleted.iter().map(|(_, workflow)| workflow.value()).collect();
            for cache in delete_unused(run, &gone, Reach::Stores, args.consent.dry_run).await? {
                args.tell(&format!("cache {cache}"))?;
            }
        }
        if let Some(format) = args.output {
            let objects: Vec<_> = deleted.into_iter().map(|(_, workflow)| workflow.into_value()).collect();
            result(rendered(format, &objects))?;
        }
        Ok(exit)
    })
}

impl Args {
    /// The runs that are named. One that is not there does not keep the others.
    async fn named(&self, exit: &mut Exit) -> Result<Vec<Seen>, Failure> {
        let mut seen = Vec::new();
        for name in &self.runs {
            let found = async {
                let run = self.target.resolve(name).await?;
                let snapshot = run.get().await?;
                Ok::<_, Failure>(Seen { run, workflow: self.kept(snapshot.workflow) })
            };
            match found.await {
                Ok(found) => seen.push(found),
                Err(failure) => *exit = (*exit).max(failure.report()),
            }
        }
        Ok(seen)
    }

    /// The runs that the flags select.
    async fn selected(&self) -> Result<Vec<Seen>, Failure> {
        let selection = self.select.of_backend(self.all_namespaces, CHUNK);
        let now = Timestamp::now();
        let (mut seen, mut going_on) = (Vec::new(), 0_usize);
        let take = |run: Run, snapshot: Result<Snapshot, RecordError>| {
            // What cannot be read is no run that anybody has selected.
            let Ok(snapshot) = snapshot else { return };
            if !self.select.matches(&snapshot, &snapshot.summary().phase, now) {
                return;
            }
            if snapshot.is_over() || self.force {
                seen.push(Seen { run, workflow: self.kept(snapshot.workflow) });
            } else {
                going_on += 1;
            }
        };
        self.target.backend().await?.list(&selection, take).await?;
        if going_on > 0 {
            talk(format_args!(
                "note: {going_on} of the selected runs have not ended and are kept; --force deletes them"
            ));
        }
        Ok(seen)
    }

    /// Of an object that is neither printed nor asked for its caches, its name.
    fn kept(&self, workflow: Workflow) -> Workflow {
        let is_printed = matches!(self.output, Some(Format::Json | Format::Yaml));
        if is_printed || self.with_cache { workflow } else { workflow.named() }
    }

    fn tell(&self, what: &str) -> Result<(), Failure> {
        let line = format!("{what} {}", self.consent.done("deleted"));
        if self.output.is_none() {
            result(line + "\n")?;
        } else {
            talk(line);
        }
        Ok(())
    }
}

fn question(seen: &[Seen], caches: usize) -> String {
    let mut names: Vec<&str> = seen.iter().map(|one| one.workflow.name()).take(NAMED).collect();
    let more = format!("{} more", seen.len().saturating_sub(NAMED));
    if seen.len() > NAMED {
        names.push(&more);
    }
    let runs = if seen.len() == 1 { "run".to_owned() } else { format!("{} runs", seen.len()) };
    let with = if caches > 0 { " and the caches that only they use" } else { "" };
    format!("Delete {runs} {}{with}?", names.join(", "))
}
