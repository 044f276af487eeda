//! The runs that a document can go on from: those with its name and creator. Of a cluster only metadata are listed; the
//! objects of a few are read.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::argo::Workflow;
use crate::argo::identity::RunId;
use crate::backend::{Backend, BackendError, Detail, ListSelection, Run, Snapshot};
use crate::cli::failure::Failure;
use crate::cli::prompt::choose;
use crate::output::list::age;
use crate::output::stream::{is_terminal, talk};
use crate::retry::{Naming, is_run_of, may_be_of};

/// So many runs are shown to choose from.
const SHOWN: usize = 10;

/// What tells the runs of a document.
pub(super) struct Wanted<'a> {
    pub(super) naming: &'a Naming,
    /// The id that the user or the document gives.
    pub(super) run_id: Option<RunId>,
    /// Whether the nodes of the run are needed.
    pub(super) nodes: bool,
}

/// An attempt of a run.
struct Seen {
    run: Run,
    /// The object without its nodes; of a cluster perhaps its metadata alone.
    workflow: Workflow,
}

impl Wanted<'_> {
    /// The last attempt of the document's run; of several runs the one that is chosen.
    pub(super) async fn last(&self, backend: &Backend) -> Result<Option<Workflow>, Failure> {
        let mut runs = self.runs(backend).await?;
        runs.sort_by_key(|attempts| Reverse(newest(attempts)));
        let count = runs.len();
        let mut last = Vec::new();
        for attempts in runs.into_iter().take(SHOWN) {
            last.extend(last_of(attempts, self.nodes).await?);
        }
        if count < 2 {
            return Ok(last.pop());
        }

        let mut lines: Vec<String> = last.iter().map(line).collect();
        if is_terminal() {
            return Ok(Some(last.swap_remove(choose("Which run do you want to continue?", &lines)?)));
        }
        lines.extend((count > SHOWN).then(|| format!("and {} older ones", count - SHOWN)));
        let message = format!("{count} runs of this document can be resumed\n  {}", lines.join("\n  "));
        let hint = last.first().map(|run| format!("name one: --resume={}", run.name()));
        Err(Failure::usage(message).hint(hint.unwrap_or_default()))
    }

    /// The runs of this user, each with its attempts.
    async fn runs(&self, backend: &Backend) -> Result<Vec<Vec<Seen>>, Failure> {
        let mut runs: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
        for seen in self.named(backend).await? {
            // A workflow without a run id was not prepared: nothing can be taken over from it.
            let Some((id, seen)) = seen.identified().await? else { continue };
            if self.run_id.as_ref().is_none_or(|wanted| wanted.as_str() == id) {
                runs.entry(id).or_default().push(seen);
            }
        }

        let user = if runs.is_empty() { None } else { backend.user().await? };
        let is_own = |attempts: &Vec<Seen>| attempts.iter().any(|seen| may_be_of(user.as_deref(), &seen.workflow));
        let (own, others): (Vec<_>, Vec<_>) = runs.into_values().partition(is_own);
        if let Some(other) = others.last().and_then(|attempts| attempts.first()) {
            talk(format_args!(
                "note: {} of this document left out, created by others, such as {} by {}; --resume=RUN continues from one",
                if others.len() == 1 { "1 run".to_owned() } else { format!("{} runs", others.len()) },
                other.workflow.name(),
                other.workflow.creator().unwrap_or_default(),
            ));
        }
        Ok(own)
    }

    /// What has the document's name.
    async fn named(&self, backend: &Backend) -> Result<Vec<Seen>, BackendError> {
        let mut named = Vec::new();
        let selection = ListSelection { detail: Detail::Metadata, ..ListSelection::with(None) };
        let listed = backend.list(&selection, |run, snapshot| {
            let Ok(workflow) = snapshot.map(Snapshot::settled) else { return };
            if is_run_of(self.naming, &workflow) {
                named.push(Seen { run, workflow });
            }
        });
        listed.await?;
        Ok(named)
    }
}

impl Seen {
    /// The run's id. One that has no label is of an older version, and the object tells.
    async fn identified(self) -> Result<Option<(String, Self)>, BackendError> {
        if let Some(id) = self.workflow.run_id().or_else(|| self.workflow.labelled_run_id()) {
            return Ok(Some((id.to_owned(), self)));
        }
        let whole = self.whole(false).await?;
        Ok(whole.workflow.run_id().map(str::to_owned).map(|id| (id, whole)))
    }

    async fn whole(self, nodes: bool) -> Result<Self, BackendError> {
        // A server that cannot leave anything out has sent the whole object.
        if matches!(self.run, Run::Cluster { .. }) && self.workflow.spec().is_object() {
            return Ok(self);
        }
        let workflow = if nodes { self.run.settled().await? } else { self.run.settled_head().await? };
        Ok(Self { workflow, ..self })
    }
}

fn newest(attempts: &[Seen]) -> Option<Timestamp> {
    attempts.iter().filter_map(|seen| seen.workflow.created_at()).max()
}

/// The last attempt of a run. Those of one second are told apart by their numbers.
async fn last_of(attempts: Vec<Seen>, nodes: bool) -> Result<Option<Workflow>, BackendError> {
    let newest = newest(&attempts);
    let mut last: Option<Workflow> = None;
    for seen in attempts.into_iter().filter(|seen| seen.workflow.created_at() == newest) {
        let workflow = seen.whole(nodes).await?.workflow;
        if last.as_ref().is_none_or(|other| other.attempt() < workflow.attempt()) {
            last = Some(workflow);
        }
    }
    Ok(last.map(Workflow::written_out))
}

/// A run among several.
fn line(run: &Workflow) -> String {
    let created = run.created_at().map(|created| age(Timestamp::now().duration_since(created))).unwrap_or_default();
    let (name, id) = (run.name(), run.run_id().unwrap_or_default());
    format!("{name}  {}  {created} old  run {id}, attempt {}", run.phase(), run.attempt())
}
