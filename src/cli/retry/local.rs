//! `retry` of a run of this machine.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::Args;
use crate::argo::Workflow;
use crate::argo::document::{Document, Kind};
use crate::argo::status::MemoizationStatus;
use crate::cache::{Directory, LookUp};
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::submit::local::LocalRuns;
use crate::exit::Exit;
use crate::local::record::Record;
use crate::local::store::BESIDE;
use crate::prepare::{Prepared, Templates};
use crate::retry::{Entries, Mode, Plan, anew, check};

pub(super) async fn run(args: &Args, record: &Record, live: Value) -> Result<Exit, Failure> {
    if args.mode() != Mode::Anew {
        return Err(Failure::usage("--memoized and --in-place need the controller of a cluster")
            .hint("leave them out: a local run takes what succeeded from its cache"));
    }
    check(&live, &Mode::Anew, &[])?;
    let root = record.root();
    let (edited, beside) = documents(args, record, &live)?;
    let prepared = prepare(args, &live, edited.as_ref(), &beside)?;
    let plan = Plan::anew(&live, &prepared.workflow, &Entries::Known(entries(root, &live)), Timestamp::now());
    if !args.agree(&plan)? {
        return Ok(args.not_done());
    }
    let runs = LocalRuns {
        root: root.to_owned(),
        prepared: &[prepared],
        workflows: edited.as_slice(),
        beside: &beside,
        limits: None,
        max_tasks: None,
        follow_up: &args.follow_up,
        output: args.output,
        quiet: args.quiet,
    };
    runs.carry_out().await
}

/// The edited workflow, and what stands beside it: in the files given now, else as it was.
fn documents(args: &Args, record: &Record, live: &Value) -> Result<(Option<Document>, Vec<Document>), Failure> {
    let (edited, mut beside) = args.documents(live)?;
    let path = record.directory().join(BESIDE);
    if path.metadata().is_ok_and(|file| file.len() > 0) {
        let is_new = |old: &Document| beside.iter().all(|new| (new.kind, new.name()) != (old.kind, old.name()));
        let kept: Vec<Document> = files::documents(&[path], args.quiet)?.into_iter().filter(is_new).collect();
        beside.extend(kept);
    }
    Ok((edited, beside))
}

fn prepare(args: &Args, live: &Value, edited: Option<&Document>, beside: &[Document]) -> Result<Prepared, Failure> {
    let mut templates = Templates::default();
    for document in beside {
        if matches!(document.kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate) {
            templates.insert(document.value.clone());
        }
    }
    let mut options = args.options(live)?;
    options.inline = true;
    Ok(anew(live, edited.map(|document| &document.value), &templates, &options)?)
}

/// The entries that the nodes of the run have left or used.
fn entries(root: &Path, live: &Value) -> BTreeMap<(String, String), Timestamp> {
    let asked = Workflow::view(live).nodes().all.into_iter().filter_map(|node| node.memoization_status);
    let entry = |asked: MemoizationStatus| match Directory::new(
        root,
        &asked.cache_name.parse().ok()?,
        &asked.key.parse().ok()?,
    )
    .look_up()
    {
        Ok(LookUp::Whole(manifest)) => Some(((asked.cache_name, asked.key), manifest.created_at)),
        _ => None,
    };
    asked.filter_map(entry).collect()
}
