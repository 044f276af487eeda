//! Worktrees as tables and as JSON.

use indicatif::BinaryBytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::list::age;
use super::table::Table;
use crate::git::{CleanupReport, ObjectId, Reason, TaskId, Tree, WorktreeInfo};

/// The number of digits of an object id in the table.
const SHORT_ID: usize = 10;

/// Worktrees as a table, one per line.
pub(crate) fn table(listed: &[WorktreeInfo], wide: bool, now: Timestamp, width: Option<usize>) -> String {
    let usual = ["TASK", "STATE", "COMMIT", "AGE", "SIZE", "DIRTY", "UNPUSHED"];
    let extra = ["REF", "BRANCH", "PATH", "KEPT BECAUSE"];
    let header = usual.into_iter().chain(extra.into_iter().filter(|_| wide));
    let mut table = Table::new(header).sparing(&["DIRTY", "UNPUSHED", "SIZE"]);

    for listed in listed {
        let commit = listed.commit.as_ref().map(ObjectId::as_str).unwrap_or_default();
        let mut cells = vec![
            listed.tree.task.clone(),
            listed.tree.state.as_str().to_owned(),
            if wide { commit } else { &commit[..SHORT_ID.min(commit.len())] }.to_owned(),
            listed.created_at.map(|created| age(now.duration_since(created))).unwrap_or_default(),
            BinaryBytes(listed.size).to_string(),
            yes_or_no(listed.dirty()).to_owned(),
            yes_or_no(listed.unpushed()).to_owned(),
        ];
        if wide {
            let reasons: Vec<String> = listed.reasons.iter().map(Reason::to_string).collect();
            cells.push(listed.name.clone().unwrap_or_default());
            cells.push(listed.branch.clone().unwrap_or_default());
            cells.push(listed.tree.path.display().to_string());
            cells.push(reasons.join("; "));
        }
        table.row(cells);
    }

    table.text(width)
}

fn yes_or_no(answer: Option<bool>) -> &'static str {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    }
}

/// A worktree and its details as JSON.
pub(crate) fn document(listed: &WorktreeInfo) -> Value {
    let mut document = tree(&listed.tree);
    document["stale"] = json!(listed.tree.state.is_stale());
    document["commit"] = json!(listed.commit.as_ref().map(ObjectId::as_str));
    document["ref"] = json!(listed.name);
    document["branch"] = json!(listed.branch);
    document["createdAt"] = json!(listed.created_at);
    document["sizeBytes"] = json!(listed.size);
    document["dirty"] = json!(listed.dirty());
    document["unpushed"] = json!(listed.unpushed());
    document["kept"] = reasons(&listed.reasons);
    document
}

/// The result of a cleanup as JSON.
pub(crate) fn cleaned(cleaned: &CleanupReport, dry_run: bool) -> Value {
    let kept = cleaned.kept.iter().map(|(kept, why)| {
        let mut document = tree(kept);
        document["reasons"] = reasons(why);
        document
    });

    let removed = cleaned.removed.iter().map(|(removed, lost)| {
        let mut document = tree(removed);
        document["lost"] = reasons(lost);
        document
    });
    json!({
        "dryRun": dry_run,
        "removed": removed.collect::<Vec<_>>(),
        "kept": kept.collect::<Vec<_>>(),
        "absent": cleaned.absent_tasks.iter().map(TaskId::as_str).collect::<Vec<_>>(),
        "forgottenRefs": cleaned.forgotten_refs,
        "safeDirectories": cleaned.safe_directories,
        "objects": cleaned.collected.map(|objects| json!({"before": objects.before, "after": objects.after})),
        "errors": cleaned.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn tree(tree: &Tree) -> Value {
    json!({"taskId": tree.task, "path": tree.path, "state": tree.state.as_str()})
}

fn reasons(reasons: &[Reason]) -> Value {
    let reasons = reasons.iter().map(|reason| json!({"reason": reason.as_str(), "message": reason.to_string()}));
    reasons.collect::<Vec<_>>().into()
}
