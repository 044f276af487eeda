//! Locks as a table, as text with all details, and as JSON, with their problems.

use std::fmt::Write;

use serde_json::{Value, json};

use super::table::Table;
use super::tree::printable;
use crate::argo::synchronization::{Holder, LockKind};
use crate::locks::{Cycle, HolderState, Holding, Limit, Lock, Waiter};

/// The number of holders and waiters named in a table that is not wide.
const MAX_NAMES: usize = 3;

/// The options of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// The ConfigMap whose semaphores are shown by their key only.
    pub(crate) config_map: &'a str,
    /// Show the namespace.
    pub(crate) namespace: bool,
    /// Show all holders and waiters.
    pub(crate) wide: bool,
    /// The width of the terminal, if it is printed to one.
    pub(crate) width: Option<usize>,
}

/// The locks as a table, then their problems, one per line.
pub(crate) fn table(locks: &[Lock], cycles: &[Cycle], look: Look<'_>) -> String {
    let usual = ["LOCK", "LIMIT", "HELD", "WAITING", "HOLDERS", "QUEUE"];
    let mut table = Table::new(look.namespace.then_some("NAMESPACE").into_iter().chain(usual));
    for lock in locks {
        let more = if look.wide { usize::MAX } else { MAX_NAMES };
        let holders =
            lock.holders.iter().map(|holding| holder_name(lock, &holding.holder, holding.node_name.as_deref()));
        let queue = lock.queue.iter().map(|waiter| holder_name(lock, &waiter.holder, waiter.node_name.as_deref()));
        let limit = if lock.drained.is_some() { "drained".to_owned() } else { self::limit(&lock.limit) };
        let cells = [
            name(lock, look.config_map),
            limit,
            lock.holders.len().to_string(),
            lock.queue.len().to_string(),
            shortened(&holders.collect::<Vec<_>>(), more),
            shortened(&queue.collect::<Vec<_>>(), more),
        ];
        table.row(look.namespace.then(|| lock.name.namespace.clone()).into_iter().chain(cells));
    }

    let mut text = table.text(look.width);
    let problems: Vec<String> = locks.iter().flat_map(problems).chain(cycles.iter().map(cycle)).collect();
    if !problems.is_empty() {
        text.push('\n');
    }
    text.extend(problems.iter().map(|line| printable(line) + "\n"));
    text
}

/// One lock with all details, as text.
pub(crate) fn text(lock: &Lock, cycles: &[Cycle], config_map: &str) -> String {
    let mut lines: Vec<(&str, String)> =
        vec![("Lock", name(lock, config_map)), ("Namespace", lock.name.namespace.clone())];
    if let LockKind::ConfigMap { name, .. } = &lock.name.kind {
        lines.push(("ConfigMap", name.clone()));
    }
    lines.push(("Limit", limit(&lock.limit)));
    if let Some(drained) = &lock.drained {
        lines.push(("Drained", format!("by workflow {}; the limit was {}", drained.workflow, drained.limit)));
    }
    if !lock.branches.is_empty() {
        lines.push(("Branches", lock.branches.join(", ")));
    }
    lines.push(("Held", lock.holders.len().to_string()));
    lines.push(("Waiting", lock.queue.len().to_string()));
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 1;
    let mut text = String::new();
    for (label, value) in lines {
        let _ = writeln!(text, "{:<width$}  {}", format!("{label}:"), printable(&value));
    }

    if !lock.holders.is_empty() {
        text.push_str("Holders:\n");
    }
    for holding in &lock.holders {
        let _ = writeln!(text, "  {}", printable(&holder_text(lock, holding)));
    }
    if !lock.queue.is_empty() {
        text.push_str("Queue:\n");
    }
    for (place, waiter) in lock.queue.iter().enumerate() {
        let _ = writeln!(text, "  {}. {}", place + 1, printable(&waiter_text(lock, waiter)));
    }
    let of_lock = cycles.iter().filter(|cycle| cycle.steps.iter().any(|step| step.lock == lock.name));
    for line in problems(lock).into_iter().chain(of_lock.map(cycle)) {
        text += &(printable(&line) + "\n");
    }
    text
}

/// One lock with all details, as JSON.
pub(crate) fn document(lock: &Lock) -> Value {
    let mut document = json!({"name": lock.name, "namespace": lock.name.namespace});
    match &lock.name.kind {
        LockKind::ConfigMap { name, key } => {
            document["kind"] = json!("Semaphore");
            document["configMap"] = json!(name);
            document["key"] = json!(key);
        }
        LockKind::Mutex(name) => {
            document["kind"] = json!("Mutex");
            document["key"] = json!(name);
        }
        LockKind::Database(key) => {
            document["kind"] = json!("Database");
            document["key"] = json!(key);
        }
    }

    document["limit"] = json!(lock.limit.number());
    if let Some(problem) = problem(&lock.limit) {
        document["problem"] = json!(problem);
    }
    if let Some(drained) = &lock.drained {
        document["drained"] = json!(drained);
    }
    if !lock.branches.is_empty() {
        document["branches"] = json!(lock.branches);
    }
    document["holders"] = json!(lock.holders);
    document["queue"] = json!(lock.queue);
    document
}

/// A limit as one word.
pub(crate) fn limit(limit: &Limit) -> String {
    match limit {
        Limit::Of(number) => number.to_string(),
        Limit::Malformed(value) => format!("{value:?}"),
        Limit::MissingKey | Limit::MissingConfigMap => "missing".to_owned(),
        Limit::Unknown => "?".to_owned(),
    }
}

/// The lock's name as the verbs accept it; without the ConfigMap if that is the default one.
pub(crate) fn name(lock: &Lock, config_map: &str) -> String {
    match &lock.name.kind {
        LockKind::ConfigMap { name, key } if name == config_map => key.clone(),
        kind => kind.to_string(),
    }
}

fn problem(limit: &Limit) -> Option<&'static str> {
    match limit {
        Limit::Of(number) if *number < 1 => {
            Some("with a limit below 1, workflows that request the lock fail after the controller's next restart")
        }
        Limit::Malformed(_) => Some("the limit is not a whole number"),
        Limit::MissingKey => Some("the ConfigMap has no such key: workflows that request the lock fail"),
        Limit::MissingConfigMap => Some("the ConfigMap does not exist: workflows that request the lock fail"),
        Limit::Of(_) | Limit::Unknown => None,
    }
}

fn problems(lock: &Lock) -> Vec<String> {
    let name = &lock.name;
    let mut lines: Vec<String> = problem(&lock.limit).map(|why| format!("limit: {name}: {why}")).into_iter().collect();
    let drains = lock.holders.iter().any(|holding| holding.drains) || lock.queue.iter().any(|waiter| waiter.drains);
    if let Some(drained) = lock.drained.as_ref().filter(|_| !drains) {
        lines.push(format!(
            "drain: {name}: workflow {:?} is neither holder nor waiter, so new holders may be admitted: drain again",
            drained.workflow
        ));
    }

    let orphaned = lock.holders.iter().filter(|holding| holding.state.is_orphaned());
    lines.extend(orphaned.map(|holding| {
        format!("orphaned: {name} is held by {}, which {}", holding.holder, state_text(&holding.state))
    }));
    lines
}

fn state_text(state: &HolderState) -> String {
    match state {
        HolderState::Live { phase } => format!("is {phase}"),
        HolderState::Ended { phase } => format!("has ended ({phase})"),
        HolderState::Gone => "does not exist".to_owned(),
    }
}

fn cycle(cycle: &Cycle) -> String {
    let steps = cycle.steps.iter().map(|step| {
        let how = if step.queued { "behind" } else { "held by" };
        format!("{} waits for {}, {how} {}", step.waiter, step.lock, step.blocked_by)
    });
    format!("deadlock: {}", steps.collect::<Vec<_>>().join("; "))
}

/// A holder's name, with its namespace if that differs from the lock's.
fn holder_name(lock: &Lock, holder: &Holder, node: Option<&str>) -> String {
    let name = node.or(holder.node.as_deref()).unwrap_or(&holder.workflow);
    if holder.namespace == lock.name.namespace { name.to_owned() } else { format!("{}/{name}", holder.namespace) }
}

fn holder_text(lock: &Lock, holding: &Holding) -> String {
    let name = holder_name(lock, &holding.holder, holding.node_name.as_deref());
    let drains = if holding.drains { ", drains" } else { "" };
    match &holding.state {
        HolderState::Live { phase } => format!("{name} ({phase}{drains})"),
        orphaned => format!("{name} ({}{drains})", state_text(orphaned)),
    }
}

fn waiter_text(lock: &Lock, waiter: &Waiter) -> String {
    let name = holder_name(lock, &waiter.holder, waiter.node_name.as_deref());
    if waiter.drains {
        return format!("{name} (drains)");
    }
    format!("{name} (priority {}, created {})", waiter.priority, waiter.created)
}

fn shortened(names: &[String], most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let text = names[..names.len() - more].join(", ");
    if more == 0 { text } else { format!("{text} and {more} more") }
}
