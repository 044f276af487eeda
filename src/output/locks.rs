//! Locks for people: a table, one in full, and what keeps them from being given back.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::tree::printable;
use crate::argo::synchronization::{Holder, LockKind};
use crate::locks::{Cycle, Holding, Limit, Lock, Standing, Waiter};

/// So many holders and waiters are named in a brief table.
const NAMED: usize = 3;

/// How locks are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// The ConfigMap whose keys need no other name.
    pub config_map: &'a str,
    /// Whether the namespace is shown.
    pub namespace: bool,
    /// Whether all names are shown.
    pub wide: bool,
}

/// The locks as a table, then what is wrong with them, a line each.
pub(crate) fn table(locks: &[Lock], cycles: &[Cycle], look: Look<'_>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let usual = ["LOCK", "LIMIT", "HELD", "WAITING", "HOLDERS", "QUEUE"];
    table.set_header(look.namespace.then_some("NAMESPACE").into_iter().chain(usual));
    for lock in locks {
        let more = if look.wide { usize::MAX } else { NAMED };
        let holders = lock.holders.iter().map(|holding| who(lock, &holding.holder, holding.node_name.as_deref()));
        let queue = lock.queue.iter().map(|waiter| who(lock, &waiter.holder, waiter.node_name.as_deref()));
        let limit = if lock.drained.is_some() { "drained".to_owned() } else { self::limit(&lock.limit) };
        let cells = [
            name(lock, look.config_map),
            limit,
            lock.holders.len().to_string(),
            lock.queue.len().to_string(),
            few(&holders.collect::<Vec<_>>(), more),
            few(&queue.collect::<Vec<_>>(), more),
        ];
        table.add_row(
            look.namespace.then(|| lock.name.namespace.clone()).into_iter().chain(cells).map(|cell| printable(&cell)),
        );
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text: String = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    let wrong: Vec<String> = locks.iter().flat_map(troubles).chain(cycles.iter().map(cycle)).collect();
    if !wrong.is_empty() {
        text.push('\n');
    }
    text.extend(wrong.iter().map(|line| printable(line) + "\n"));
    text
}

/// One lock in full.
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
        let _ = writeln!(text, "  {}", printable(&holder(lock, holding)));
    }
    if !lock.queue.is_empty() {
        text.push_str("Queue:\n");
    }
    for (place, waiter) in lock.queue.iter().enumerate() {
        let _ = writeln!(text, "  {}. {}", place + 1, printable(&in_queue(lock, waiter)));
    }
    let of_lock = cycles.iter().filter(|cycle| cycle.steps.iter().any(|step| step.lock == lock.name));
    for line in troubles(lock).into_iter().chain(of_lock.map(cycle)) {
        text += &(printable(&line) + "\n");
    }
    text
}

/// A lock with all that is known of it, for programs.
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

/// A limit in a word.
pub(crate) fn limit(limit: &Limit) -> String {
    match limit {
        Limit::Of(number) => number.to_string(),
        Limit::Malformed(value) => format!("{value:?}"),
        Limit::MissingKey | Limit::MissingConfigMap => "missing".to_owned(),
        Limit::Unknown => "?".to_owned(),
    }
}

/// The lock's name as the verbs take it; a key of the usual ConfigMap alone.
pub(crate) fn name(lock: &Lock, config_map: &str) -> String {
    match &lock.name.kind {
        LockKind::ConfigMap { name, key } if name == config_map => key.clone(),
        kind => kind.to_string(),
    }
}

fn problem(limit: &Limit) -> Option<&'static str> {
    match limit {
        Limit::Of(number) if *number < 1 => {
            Some("a limit below 1 fails whoever asks for it after the controller's next start")
        }
        Limit::Malformed(_) => Some("the limit is no whole number"),
        Limit::MissingKey => Some("the ConfigMap has no such key: whoever asks for it fails"),
        Limit::MissingConfigMap => Some("the ConfigMap does not exist: whoever asks for it fails"),
        Limit::Of(_) | Limit::Unknown => None,
    }
}

fn troubles(lock: &Lock) -> Vec<String> {
    let name = &lock.name;
    let mut lines: Vec<String> = problem(&lock.limit).map(|why| format!("limit: {name}: {why}")).into_iter().collect();
    let drains = lock.holders.iter().any(|holding| holding.drains) || lock.queue.iter().any(|waiter| waiter.drains);
    if let Some(drained) = lock.drained.as_ref().filter(|_| !drains) {
        lines.push(format!(
            "drain: {name}: workflow {:?} is not in its queue, so that others may get in: drain again",
            drained.workflow
        ));
    }
    let orphaned = lock.holders.iter().filter(|holding| holding.standing.is_orphaned());
    lines.extend(
        orphaned.map(|holding| {
            format!("orphaned: {name} is held by {}, which {}", holding.holder, fate(&holding.standing))
        }),
    );
    lines
}

fn fate(standing: &Standing) -> String {
    match standing {
        Standing::Live { phase } => format!("is {phase}"),
        Standing::Ended { phase } => format!("has ended ({phase})"),
        Standing::Gone => "does not exist".to_owned(),
    }
}

fn cycle(cycle: &Cycle) -> String {
    let steps = cycle.steps.iter().map(|step| {
        let how = if step.queued { "behind" } else { "held by" };
        format!("{} waits for {}, {how} {}", step.waiter, step.lock, step.blocked_by)
    });
    format!("deadlock: {}", steps.collect::<Vec<_>>().join("; "))
}

/// A holder's name; the namespace only where it is another than the lock's.
fn who(lock: &Lock, holder: &Holder, node: Option<&str>) -> String {
    let name = node.or(holder.node.as_deref()).unwrap_or(&holder.workflow);
    if holder.namespace == lock.name.namespace { name.to_owned() } else { format!("{}/{name}", holder.namespace) }
}

fn holder(lock: &Lock, holding: &Holding) -> String {
    let name = who(lock, &holding.holder, holding.node_name.as_deref());
    let drains = if holding.drains { ", drains" } else { "" };
    match &holding.standing {
        Standing::Live { phase } => format!("{name} ({phase}{drains})"),
        orphaned => format!("{name} ({}{drains})", fate(orphaned)),
    }
}

fn in_queue(lock: &Lock, waiter: &Waiter) -> String {
    let name = who(lock, &waiter.holder, waiter.node_name.as_deref());
    if waiter.drains {
        return format!("{name} (drains)");
    }
    format!("{name} (priority {}, created {})", waiter.priority, waiter.created)
}

fn few(names: &[String], most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let text = names[..names.len() - more].join(", ");
    if more == 0 { text } else { format!("{text} and {more} more") }
}
