//! Which runs are meant, by their labels, fields, names, phases and ages instead of one by one.

use jiff::{SignedDuration, Timestamp};

use super::failure::Failure;
use crate::argo::duration;
use crate::argo::field_selector::RunSelector;
use crate::argo::label_selector::LabelSelector;
use crate::argo::workflow::PREVIOUS;
use crate::backend::{ListSelection, Snapshot};
use crate::cluster::ArchiveSelection;

/// The conditions, all of which a run has to meet.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct SelectionArgs {
    /// Runs that match this label selector
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub(super) selector: Option<LabelSelector>,

    /// Runs that match this field selector, such as status.phase=Failed or spec.workflowTemplateRef.name=etl
    #[arg(long, value_name = "FIELDS")]
    field_selector: Option<RunSelector>,

    /// Runs whose names begin with this text
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,

    /// Runs in this phase: Pending, Running, Succeeded, Failed, Error, and Killed with --local; repeatable
    #[arg(long = "phase", alias = "status", value_name = "PHASE", value_delimiter = ',', ignore_case = true, value_parser = ["Pending", "Running", "Succeeded", "Failed", "Error", "Killed"], hide_possible_values = true)]
    phases: Vec<String>,

    /// Runs that have not ended
    #[arg(long, conflicts_with_all = ["completed", "older"])]
    running: bool,

    /// Runs that have ended
    #[arg(long)]
    completed: bool,

    /// Runs created within this time, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = age)]
    since: Option<SignedDuration>,

    /// Runs that ended longer ago than this, such as 7d
    #[arg(long, value_name = "DURATION", value_parser = age)]
    older: Option<SignedDuration>,

    /// Runs that are a retry or a resubmission of another one
    #[arg(long)]
    resubmitted: bool,
}

fn age(text: &str) -> Result<SignedDuration, String> {
    let age = duration::parse(text).map_err(|error| error.to_string())?;
    if age.is_positive() { Ok(age) } else { Err(format!("invalid duration {text:?}: expected a duration above 0")) }
}

impl SelectionArgs {
    /// The names of the flags, for those that exclude them.
    pub(super) const FLAGS: [&str; 9] =
        ["selector", "field_selector", "prefix", "phases", "running", "completed", "since", "older", "resubmitted"];

    /// What a backend selects by itself.
    pub(super) fn of_backend(&self, all_namespaces: bool, chunk: u32) -> ListSelection {
        ListSelection { all_namespaces, labels: self.selector.clone(), chunk, ..ListSelection::default() }
    }

    /// What argo-server selects of its archive by itself. A run starts after it is created.
    pub(super) fn of_archive(&self, namespace: &str, chunk: u32, now: Timestamp) -> ArchiveSelection {
        ArchiveSelection {
            namespace: namespace.to_owned(),
            prefix: self.prefix.clone(),
            labels: self.selector.as_ref().map(|labels| labels.as_str().to_owned()),
            name: None,
            since: self.since.and_then(|since| now.checked_sub(since).ok()),
            chunk,
        }
    }

    /// Refuses what the list of an archive does not tell.
    pub(super) fn check_for_archive(&self) -> Result<(), Failure> {
        check_fields_for_archive(self.field_selector.as_ref())
    }

    /// Whether a run that the backend has listed meets the other conditions. `phase` is the one that is shown.
    pub(super) fn matches(&self, snapshot: &Snapshot, phase: &str, now: Timestamp) -> bool {
        let workflow = &snapshot.workflow;
        let in_phase = self.phases.is_empty() || self.phases.iter().any(|wanted| wanted.eq_ignore_ascii_case(phase));
        let has_ended = snapshot.is_over();
        let ended = if has_ended { workflow.finished_at().or_else(|| workflow.created_at()) } else { None };
        let within = |since| workflow.created_at().is_some_and(|created| now.duration_since(created) <= since);
        in_phase
            && !(self.running && has_ended)
            && (!self.completed || has_ended)
            && self.since.is_none_or(within)
            && self.older.is_none_or(|older| ended.is_some_and(|ended| now.duration_since(ended) > older))
            && self.prefix.as_deref().is_none_or(|prefix| workflow.name().starts_with(prefix))
            && (!self.resubmitted || workflow.metadata().label(PREVIOUS).is_some())
            && self.field_selector.as_ref().is_none_or(|fields| fields.matches(workflow.value()))
    }
}

/// Refuses fields that the list of an archive does not tell: they would select nothing.
pub(super) fn check_fields_for_archive(fields: Option<&RunSelector>) -> Result<(), Failure> {
    match fields {
        Some(fields) if fields.names("spec.workflowTemplateRef.name") => {
            Err(Failure::usage("the archive's list does not tell spec.workflowTemplateRef.name")
                .hint("select by the label workflows.argoproj.io/workflow-template with -l"))
        }
        _ => Ok(()),
    }
}
