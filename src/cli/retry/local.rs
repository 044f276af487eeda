//! `retry` of a run of this machine.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::Args;
use crate::argo::document::{Document, Kind};
use crate::cache::{Directory, LookUp};
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::submit::again::Again;
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
    let (follow_up, output, quiet) = (args.follow_up.clone(), args.output, args.quiet);
    Again { root, prepared, edited, beside, follow_up, output, quiet }.run().await
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
    let nodes = live.pointer("/status/nodes").and_then(Value::as_object).into_iter().flatten();
    let entry = |node: &Value| {
        let text = |field: &str| node.pointer(&format!("/memoizationStatus/{field}")).and_then(Value::as_str);
        let (cache, key) = (text("cacheName")?, text("key")?);
        match Directory::new(root, &cache.parse().ok()?, &key.parse().ok()?).look_up() {
            Ok(LookUp::Whole(manifest)) => Some(((cache.to_owned(), key.to_owned()), manifest.created_at)),
            _ => None,
        }
    };
    nodes.filter_map(|(_, node)| entry(node)).collect()
}
