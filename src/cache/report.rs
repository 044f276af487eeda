//! A cache as it is shown: its entries with all that is known of them. The same for every store.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::contents::{Cache, Place};
use super::entry::Entry;
use super::problem::{Problem, Surroundings};
use super::provenance::Origin;
use super::usage::Usage;

/// A cache as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overview {
    /// Its name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) place: Place,
    /// How full it is.
    pub(crate) usage: Usage,
    /// When it was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_hit_at: Option<Timestamp>,
    /// What is the matter with it as a whole.
    pub(crate) findings: Vec<Problem>,
    /// How much is the matter with it and all its entries.
    pub(crate) problems: usize,
}

/// A cache as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The cache.
    #[serde(flatten)]
    pub(crate) overview: Overview,
    /// Its entries; those that were asked for.
    pub(crate) entries: Vec<Row>,
}

/// An entry as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    /// What it is found by.
    pub(crate) key: String,
    /// The template, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
    /// The run's id; read from a key, its `_` are `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_id: Option<String>,
    /// The id of the node.
    pub(crate) node_id: String,
    /// The workflow and node.
    pub(crate) origin: Origin,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<Timestamp>,
    /// When it was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_hit_at: Option<Timestamp>,
    /// What it takes.
    pub(crate) bytes: u64,
    /// The names of what it gives.
    pub(crate) outputs: Vec<String>,
    /// What it gives, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Value>,
    /// What is the matter with it.
    pub(crate) findings: Vec<Problem>,
}

impl Overview {
    /// The overview of a cache.
    pub(crate) fn of(cache: &Cache, around: Surroundings<'_>) -> Self {
        let findings = cache.problems(around);
        let of_entries = cache.entries.values().map(|entry| cache.problems_of(entry, around).len());
        Self {
            name: cache.name.clone(),
            place: cache.place.clone(),
            usage: Usage::of(cache, around.now),
            last_hit_at: cache.entries.values().filter_map(|entry| entry.last_hit).max(),
            problems: findings.len() + of_entries.sum::<usize>(),
            findings,
        }
    }
}

impl Report {
    /// The report of a cache, with the entries that are `wanted`; their values only where `values` is asked.
    pub fn of(cache: &Cache, around: Surroundings<'_>, values: bool, wanted: impl Fn(&Entry) -> bool) -> Self {
        let entries = cache.entries.values().filter(|entry| wanted(entry));
        Self {
            overview: Overview::of(cache, around),
            entries: entries.map(|entry| Row::of(cache, entry, around, values)).collect(),
        }
    }

    /// All problems: those of the cache, and of each entry with its key.
    pub(crate) fn all_problems(&self) -> impl Iterator<Item = (Option<&str>, &Problem)> {
        let own = self.overview.findings.iter().map(|problem| (None, problem));
        own.chain(
            self.entries.iter().flat_map(|row| row.findings.iter().map(|problem| (Some(row.key.as_str()), problem))),
        )
    }
}

impl Row {
    fn of(cache: &Cache, entry: &Entry, around: Surroundings<'_>, values: bool) -> Self {
        let mut origin = around.provenance.origin(&cache.name, entry);
        let parts = entry.parts();
        let told = entry.maker.as_ref().map(|maker| maker.run_id.clone()).filter(|run_id| !run_id.is_empty());
        Self {
            key: entry.key.clone(),
            template: origin.template.take().or_else(|| parts.map(|parts| parts.template.to_owned())),
            run_id: told.or_else(|| {
                Some(parts.filter(|parts| !parts.is_extended() && !parts.is_of_any_run())?.run_id.to_owned())
            }),
            node_id: entry.node_id.clone(),
            origin,
            created_at: entry.created,
            last_hit_at: entry.last_hit,
            bytes: entry.bytes,
            outputs: entry.output_names().into_iter().map(str::to_owned).collect(),
            values: values.then(|| entry.outputs.clone()),
            findings: cache.problems_of(entry, around),
        }
    }
}
