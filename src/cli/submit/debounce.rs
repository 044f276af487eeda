//! `--debounce`: of several submits of one key within a time, one makes the run.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value;
use tokio::time::timeout;

use super::args::{Args, DryRun};
use super::request::Request;
use crate::argo::identity::ObjectName;
use crate::argo::{Shutdown, Workflow};
use crate::backend::{Backend, BackendError, Deadline};
use crate::cli::failure::Failure;
use crate::cli::launch::Existing;
use crate::cli::signals::Signals;
use crate::cli::steer;
use crate::cli::values::{NamePrefix, span};
use crate::cluster::ClusterError;
use crate::control::Order;
use crate::exit::Exit;
use crate::local::record::RecordError;
use crate::locks::{Branch, DEBOUNCE, OnDuplicate, Reservation, Standing, Step, Submit, is_idle, lease_name};
use crate::output::stream::talk;
use crate::prepare::Prepared;

/// Between a reservation and its workflow are a few requests. A submit that needs longer was killed.
const CREATION: Duration = Duration::from_secs(10);
/// The ref of a repository for which none is given.
const REVISION: &str = "refs/heads/main";

/// One run of several submits.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Debounce")]
pub(super) struct DebounceArgs {
    /// Create one run for all submits with the same key within this time, such as 15s, on any machine
    #[arg(long, value_name = "DURATION", value_parser = seconds, allow_hyphen_values = true, conflicts_with_all = ["name", "resume"])]
    debounce: Option<Duration>,

    /// The key of --debounce [default: the workflow's prefix and entrypoint, and its repository and ref]
    #[arg(long, value_name = "KEY", requires = "debounce", value_parser = key)]
    debounce_key: Option<String>,

    /// What to do if that run exists: use it (reuse), exit with code 7 (fail), end it and create another (replace), or
    /// create another once it has ended (queue; only the latest submit waits) [default: reuse]
    #[arg(long, value_name = "reuse|fail|replace|queue", requires = "debounce", hide_possible_values = true)]
    on_duplicate: Option<OnDuplicateArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnDuplicateArg {
    Reuse,
    Fail,
    Replace,
    Queue,
}

/// Times are the server's, which are whole seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let duration = span(text)?;
    if duration < Duration::from_secs(1) { Err("expected a duration of 1s or more".to_owned()) } else { Ok(duration) }
}

fn key(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > 1024 || text.chars().any(char::is_control) {
        return Err("expected 1 to 1024 characters, none of them a control character");
    }
    Ok(text.to_owned())
}

impl DebounceArgs {
    /// What a run under the workflow's name means that is there already.
    pub(super) fn existing(&self) -> Existing {
        match (self.debounce, self.on_duplicate()) {
            (None, _) => Existing::Found,
            (Some(_), OnDuplicate::Fail) => Existing::Duplicate,
            (Some(_), _) => Existing::Joined,
        }
    }

    /// Refuses a dry run, which would reserve a name and leave it.
    pub(super) fn agree(&self, dry_run: DryRun) -> Result<(), Failure> {
        if self.debounce.is_some() && dry_run != DryRun::None {
            return Err(
                Failure::usage("--debounce needs a run, and --dry-run makes none").hint("leave one of them out")
            );
        }
        Ok(())
    }

    fn on_duplicate(&self) -> OnDuplicate {
        match self.on_duplicate {
            None | Some(OnDuplicateArg::Reuse) => OnDuplicate::Reuse,
            Some(OnDuplicateArg::Fail) => OnDuplicate::Fail,
            Some(OnDuplicateArg::Replace) => OnDuplicate::Replace,
            Some(OnDuplicateArg::Queue) => OnDuplicate::Queue,
        }
    }
}

/// The name under which the workflow is to be created, where that is not the prepared one's: one that another submit has
/// reserved. Returns when it is this submit's turn.
pub(super) async fn turn(
    args: &Args,
    backend: &Backend,
    request: &Request<'_>,
    live: Option<&Value>,
    prepared: &[Prepared],
) -> Result<Option<ObjectName>, Failure> {
    let Some(period) = args.debounce.debounce else { return Ok(None) };
    let document = match (&request.workflows[..], &args.from) {
        ([document], None) => document.value.clone(),
        ([], Some(from)) => request.made_from(from, live)?,
        _ => return Err(Failure::usage("--debounce fits one workflow").hint("submit them one by one")),
    };
    let [Prepared { workflow, .. }] = prepared else { return Ok(None) };
    let workflow = Workflow::view(workflow);
    let prefix = prefix(args, Workflow::view(&document))?;
    let submit = Submit {
        key: match &args.debounce.debounce_key {
            Some(key) => key.clone(),
            None => default_key(args, prefix, workflow)?,
        },
        workflow: workflow.name().to_owned(),
        period,
        on_duplicate: args.debounce.on_duplicate(),
    };
    let home = backend.within(workflow.metadata().own_namespace())?;
    let name = Turn { args, backend: &home, lease: lease_name(&submit.key), submit: &submit }.taken().await?;
    Ok(if name == submit.workflow { None } else { Some(name.parse()?) })
}

/// What the names of the workflow's runs begin with. One name for all would leave no second run a name.
fn prefix<'a>(args: &'a Args, document: &'a Workflow) -> Result<&'a str, Failure> {
    match (&args.workflow.generate_name, document.generate_name()) {
        (Some(NamePrefix(prefix)), _) => Ok(prefix),
        (None, Some(prefix)) if document.name().is_empty() => Ok(prefix),
        _ => {
            let message = format!("--debounce: the workflow's name is {:?} in every submit", document.name());
            Err(Failure::usage(message).hint("give it metadata.generateName, or use --generate-name"))
        }
    }
}

/// What two submits of the same thing have in common: the workflow's prefix and entrypoint, and the repository and ref, where
/// they are known. The namespace is that of the reservation.
fn default_key(args: &Args, prefix: &str, prepared: &Workflow) -> Result<String, Failure> {
    let place = match args.isolation.isolation(args.local)?.and_then(|isolation| isolation.checkout) {
        Some(checkout) => Some(format!("{}@{}", checkout.url, short(&checkout.revision))),
        None => branch(prepared),
    };
    let parts = [prefix, prepared.entrypoint(), place.as_deref().unwrap_or_default()];
    Ok(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
}

/// The branch that parameters name, as those of the coderun template do.
fn branch(prepared: &Workflow) -> Option<String> {
    let value = |name: &str| prepared.parameter(name).filter(|value| !value.is_empty());
    let reference = value("ref").unwrap_or_else(|| REVISION.into());
    let branch = Branch::new(&value("owner")?, &value("repo")?, Some(&reference));
    branch.ok().map(|branch| branch.to_string())
}

fn short(revision: &str) -> &str {
    revision.strip_prefix("refs/heads/").unwrap_or(revision)
}

/// A submit that waits for its turn.
struct Turn<'a> {
    args: &'a Args,
    /// Where its workflow and its reservation are.
    backend: &'a Backend,
    /// The name of the reservation.
    lease: String,
    submit: &'a Submit,
}

impl Turn<'_> {
    /// The name under which the workflow is to be created.
    async fn taken(&self) -> Result<String, Failure> {
        let deadline = Deadline::after(self.args.follow_up.timeout);
        let mut signals = Signals::new()?;
        tokio::select! {
            taken = self.take(deadline) => taken,
            () = signals.next() => {
                let message = format!("workflow {} was not created: it waited for its turn", self.submit.workflow);
                Err(Failure::new(Exit::Interrupted, message))
            }
        }
    }

    async fn take(&self, deadline: Deadline) -> Result<String, Failure> {
        let (mut queued, mut abandoned) = (false, None);
        loop {
            // The time is asked for last: a reservation is never older than it seems.
            let lease = self.backend.reservation(&self.lease).await?;
            let seen = lease.as_ref().map(|lease| Reservation::of(lease, &self.submit.key)).transpose()?;
            let run = match &seen {
                Some(seen) if abandoned.as_ref() == Some(&seen.workflow) => Standing::Abandoned,
                Some(seen) if queued || self.submit.looks_at_the_run() => self.standing(&seen.workflow).await?,
                _ => Standing::Unknown,
            };
            let now = self.backend.time().await?;

            match self.submit.step(seen.as_ref(), now, run, queued) {
                Step::Create => return Ok(self.submit.workflow.clone()),
                Step::Join(name) => return Ok(name),
                Step::Write(next) => {
                    let wrote = self.backend.reserve(&self.lease, &next.lease(lease.as_ref()), lease.as_ref()).await?;
                    queued |= wrote && next.waiter.is_some();
                    if wrote && lease.is_none() {
                        self.backend.sweep_reservations(DEBOUNCE, |lease| is_idle(lease, now)).await;
                    }
                }
                Step::Appear(name) => {
                    let appears = self.backend.appears(name.parse()?);
                    match timeout(CREATION, appears).await {
                        Ok(appeared) => appeared?,
                        Err(_) => abandoned = Some(name),
                    }
                }
                Step::End(name) => self.end(&name, deadline).await?,
                Step::Await(name) => self.wait_behind(&name, lease.as_ref(), deadline).await?,
                Step::Superseded(by) => {
                    let message = format!(
                        "workflow {} was not created: workflow {by} of a later submit takes its place",
                        self.submit.workflow
                    );
                    return Err(Failure::new(Exit::Conflict, message));
                }
            }
        }
    }

    async fn standing(&self, name: &str) -> Result<Standing, Failure> {
        Ok(match self.backend.workflow(&name.parse()?).await? {
            None => Standing::Missing,
            Some(run) if run.has_ended() => Standing::Ended,
            Some(_) => Standing::Live,
        })
    }

    /// `replace`: ends the run, and waits until it has ended.
    async fn end(&self, name: &str, deadline: Deadline) -> Result<(), Failure> {
        self.tell(format_args!("ending workflow {name}, which this submit replaces"));
        let run = self.backend.within(None)?.find(&name.parse()?)?;
        let order = Order::Shutdown(Shutdown::Terminate);
        match run.revise(|state| steer::decide(&order, state), false).await {
            // It has ended by itself.
            Ok(_) | Err(BackendError::Refused(_)) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error.into()),
        }
        over(run.end(None, deadline, None).await.map(drop))
    }

    /// `queue`: waits until the run has ended or another submit has taken the place in the queue.
    async fn wait_behind(&self, name: &str, lease: Option<&Value>, deadline: Deadline) -> Result<(), Failure> {
        self.tell(format_args!("waiting for the end of workflow {name}"));
        let run = self.backend.within(None)?.find(&name.parse()?)?;
        let changed = async {
            match lease {
                Some(lease) => self.backend.reservation_changed(lease).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = run.end(None, deadline, None) => over(ended.map(drop)),
            changed = changed => Ok(changed?),
        }
    }

    fn tell(&self, line: std::fmt::Arguments<'_>) {
        if !self.args.quiet {
            talk(line);
        }
    }
}

/// A run that is gone, or whose process was killed, is over too.
fn over(ended: Result<(), BackendError>) -> Result<(), Failure> {
    match ended {
        Err(error) if is_gone(&error) => Ok(()),
        ended => Ok(ended?),
    }
}

fn is_gone(error: &BackendError) -> bool {
    matches!(
        error,
        BackendError::Cluster(ClusterError::WorkflowMissing { .. } | ClusterError::Deleted { .. })
            | BackendError::Record(RecordError::Missing { .. })
            | BackendError::Killed { .. }
            | BackendError::Silent
    )
}
