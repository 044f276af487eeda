//! `retry` of a run of this machine.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::{Args, cache_names, entries};
use crate::argo::document::{Document, Kind};
use crate::cache::{Cache, CacheError, Store};
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::submit::local::LocalRuns;
use crate::exit::Exit;
use crate::local::record::Record;
use crate::local::store::BESIDE;
use crate::prepare::{Prepared, Templates};
use crate::retry::{Mode, Next, Plan, check, new_attempt};

pub(super) async fn run(args: &Args, record: &Record, live: Value) -> Result<Exit, Failure> {
    if args.mode() != Mode::NewAttempt {
        return Err(Failure::usage("--memoized and --in-place need the controller of a cluster")
            .hint("leave them out: a local run takes what succeeded from its cache"));
    }
    check(&live, &Mode::NewAttempt, &[])?;
    let root = record.root();
    let (edited, beside) = documents(args, record, &live)?;
    let templates = templates(&beside);
    let prepared = prepare(args, &live, edited.as_ref(), &templates)?;
    args.tell_undeclared(edited.as_ref().map_or(&live, |document| &document.value));
    let caches = caches(root, [&live, &prepared.workflow])?;
    let next = Next { workflow: &prepared.workflow, templates: &templates, notices: &prepared.notices };
    let plan = Plan::new_attempt(&live, next, &entries(caches), Timestamp::now());
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

fn templates(beside: &[Document]) -> Templates {
    let is_template =
        |document: &&Document| matches!(document.kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate);
    beside.iter().filter(is_template).map(|document| document.value.clone()).collect()
}

fn prepare(args: &Args, live: &Value, edited: Option<&Document>, templates: &Templates) -> Result<Prepared, Failure> {
    let mut options = args.options(live)?;
    options.inline = true;
    Ok(new_attempt(live, edited.map(|document| &document.value), templates, &options)?)
}

/// The caches that the attempts use, as far as they are there.
fn caches(root: &Path, attempts: [&Value; 2]) -> Result<Vec<Cache>, CacheError> {
    let store = Store::at(root);
    cache_names(attempts).iter().filter_map(|name| store.cache(name).transpose()).collect()
}
