//! `progress`: which of a run's calls are complete, as its status tells, or as the manifests of its calls do alone.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::failure::Failure;
use super::files;
use super::follow::exit;
use super::gone::Gone;
use super::known_calls::{known_calls, prefixes, unknown};
use super::manifests::Manifests;
use super::runtime::{block_on, until_interrupted};
use super::store::StoreUrl;
use super::target::{TargetArgs, handle_in};
use super::values::span;
use crate::argo::Workflow;
use crate::argo::status::Phase;
use crate::backend::{Deadline, Run, Snapshot};
use crate::exit::Exit;
use crate::output::progress::{self, Bar, Format};
use crate::output::stream::{result, talk};
use crate::prepare::Templates;
use crate::report::progress::{Expected, Progress};
use crate::retry::ExpectedCalls;

/// How often manifests are looked for: a bucket tells nobody that there is a new one.
const EVERY: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "Examples:
  # Show how many calls of the latest run are complete, and which
  kubectl runnable progress @latest

  # Follow a local run; on a terminal as a bar
  kubectl runnable progress --local etl-x2k9f --watch

  # Read the fraction in a script
  kubectl runnable progress run.json -o json | jq .fraction

  # From another machine, with nothing but the handle and the bucket: neither the cluster nor the run is asked
  kubectl runnable progress run.json --store s3://ci-cache/team-a

A call is complete when its node has succeeded, was taken from the cache, or does not run because its condition is \
false. While loops or conditions depend on outputs that nobody knows yet, the total is partial: it can grow. With \
--store, and of a run that is gone but left a handle, the manifests of its calls tell instead: those that are known.";

/// Show how much of a run is complete
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// Follow the run until it ends; the exit code then reports the result, as for wait
    #[arg(short, long)]
    watch: bool,

    /// Stop watching after this time (exit code 5); the run continues
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true, requires = "watch")]
    timeout: Option<Duration>,

    /// What to print to standard output; with --watch, json prints one object per line
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    /// Look at the manifests in this store alone: a path, or s3://BUCKET/PREFIX, gs:// or az:// (experimental)
    #[arg(long, value_name = "URL")]
    store: Option<StoreUrl>,

    #[command(flatten)]
    target: TargetArgs,
}

/// Who tells of the run.
enum Teller {
    /// Its status; the calls are those that its document tells of.
    Status(Box<(Run, Snapshot, ExpectedCalls)>),
    Manifests(Manifests),
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        match teller(args).await? {
            Teller::Status(told) if !args.watch => {
                let (_, now, calls) = &*told;
                result(progress::text(&read(now, calls), args.output))?;
                Ok(Exit::Success)
            }
            Teller::Status(told) => {
                let (run, _, calls) = &*told;
                until_interrupted(watch(args, run, calls), "the run continues").await
            }
            Teller::Manifests(mut manifests) if !args.watch => {
                result(progress::text(&manifests.look()?, args.output))?;
                Ok(Exit::Success)
            }
            Teller::Manifests(manifests) => {
                until_interrupted(watch_manifests(args, manifests), "the run continues").await
            }
        }
    })
}

/// The manifests where the user asks for them, and those of a handle whose run is gone; else the status.
async fn teller(args: &Args) -> Result<Teller, Failure> {
    let handle = handle_in(&args.run)?;
    if let (Some(handle), Some(store)) = (handle.as_ref().filter(|handle| handle.nodes.is_some()), &args.store) {
        return Ok(Teller::Manifests(Manifests::of_handle(handle, Some(store))?));
    }
    let told = async {
        let run = args.target.resolve(&args.run).await?;
        let now = run.get().await?;
        Ok((run, now))
    };
    let (run, now) = match told.await {
        Ok(told) => told,
        Err(failure) => {
            let Some(gone) = Gone::of(&args.run, &failure)? else { return Err(failure) };
            talk(gone.note());
            return Ok(Teller::Manifests(gone.manifests));
        }
    };
    let calls = expected(&run, &now.workflow).await;
    let Some(store) = &args.store else { return Ok(Teller::Status(Box::new((run, now, calls)))) };
    let nodes = prefixes(&now.workflow, &now.nodes, &calls, &now.mask());
    let name = (now.workflow.name(), now.workflow.namespace());
    Ok(Teller::Manifests(Manifests::new(name, &nodes, store.address()?)?))
}

/// Looks for manifests until all are there.
async fn watch_manifests(args: &Args, mut manifests: Manifests) -> Result<Exit, Failure> {
    let mut bar = Bar::new(args.output);
    let all = async {
        loop {
            let now = manifests.look()?;
            bar.show(&now)?;
            if now.is_complete {
                return Ok::<_, Failure>(now);
            }
            sleep(EVERY).await;
        }
    };
    let done = match args.timeout.and_then(|timeout| Instant::now().checked_add(timeout)) {
        Some(deadline) => timeout_at(deadline, all).await,
        None => Ok(all.await),
    };
    drop(bar);
    let Ok(done) = done else {
        let message = format!("not all calls are complete after {:?}", args.timeout.unwrap_or_default());
        return Err(Failure::new(Exit::TimedOut, message).hint("a call that fails leaves no manifest"));
    };
    let done = done?;
    if args.output != Some(Format::Json) {
        result(progress::text(&done, args.output))?;
    }
    Ok(Exit::Success)
}

async fn watch(args: &Args, run: &Run, calls: &ExpectedCalls) -> Result<Exit, Failure> {
    let mut bar = Bar::new(args.output);
    let mut unwritten = Ok(());
    let mut show = |state: &Snapshot| {
        if unwritten.is_ok() {
            unwritten = bar.show(&read(state, calls));
        }
    };
    let ended = run.end(None, Deadline::after(args.timeout), Some(&mut show)).await;
    drop(bar);
    let ended = ended?;
    unwritten?;
    if args.output != Some(Format::Json) {
        result(progress::text(&read(&ended, calls), args.output))?;
    }
    Ok(exit(&ended))
}

fn read(snapshot: &Snapshot, calls: &ExpectedCalls) -> Progress {
    let paths = calls.calls.iter().map(|call| call.path.as_str()).collect();
    let expected = Expected { paths, partial: calls.partial };
    let mask = snapshot.mask();
    Progress::of(&snapshot.workflow, &snapshot.nodes, &expected).with_paths(|path| mask.text(path))
}

/// The calls that the run's document tells of.
async fn expected(run: &Run, workflow: &Workflow) -> ExpectedCalls {
    if workflow.phase() == Phase::Succeeded.as_str() {
        return ExpectedCalls::default();
    }
    let Ok(beside) = files::beside(run, true) else { return unknown() };
    let beside: Templates = beside.into_iter().map(|document| document.value).collect();
    match run.backend() {
        Ok(backend) => known_calls(&backend, beside, workflow).await,
        Err(_) => unknown(),
    }
}
