//! The runs that are meant: by name, or all that failed and that selectors match.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Args;
use crate::backend::{ListSelection, Run};
use crate::cli::failure::Failure;
use crate::output::stream::talk;

/// The runs to retry, each once.
pub(super) async fn runs(args: &Args) -> Result<Vec<Run>, Failure> {
    if args.is_selection() {
        return selected(args).await;
    }
    let mut runs: Vec<Run> = Vec::new();
    for named in &args.runs {
        let run = args.target.resolve(named).await?;
        if runs.iter().all(|other| other.name() != run.name()) {
            runs.push(run);
        }
    }
    Ok(runs)
}

/// What tells the attempts of a run apart: the number, then the time of creation.
type Age = (u32, Option<Timestamp>);

/// Of each run that is selected its last attempt, if that failed; in the order of their creation.
async fn selected(args: &Args) -> Result<Vec<Run>, Failure> {
    let backend = args.target.backend().await?;
    let mut last: BTreeMap<String, (Age, bool, Run)> = BTreeMap::new();
    let selection = ListSelection::with(args.selector.clone());
    let listed = backend.list(&selection, |run, snapshot| {
        // A run that cannot be read is listed by nobody.
        let Ok(snapshot) = snapshot else { return };
        let workflow = snapshot.settled();
        let is_meant = args.field_selector.as_ref().is_none_or(|selector| selector.matches(workflow.value()));
        let failed = is_meant && matches!(workflow.phase(), "Failed" | "Error");
        let id = workflow.run_id().unwrap_or_else(|| workflow.uid()).to_owned();
        let age = (workflow.attempt(), workflow.created_at());
        if last.get(&id).is_none_or(|(other, ..)| *other < age) {
            last.insert(id, (age, failed, run));
        }
    });
    listed.await?;

    let mut failed: Vec<_> = last.into_values().filter(|(_, failed, _)| *failed).collect();
    failed.sort_by_key(|((_, created), _, run)| (*created, run.name().to_owned()));
    if failed.is_empty() {
        talk("nothing to retry: no run that matches has failed");
    }
    Ok(failed.into_iter().map(|(.., run)| run).collect())
}
