//! Whether an Argo controller would take a document: its schema, its graph, the names in its tags, its arguments.
//!
//! An error is what Argo refuses, a warning what it takes and what is probably not meant. The rules are Argo's own
//! (v4.1.2, workflow/validate/validate.go unless a rule names another file) and go on after the first error.

mod arguments;
mod artifacts;
mod call;
mod checker;
mod config_maps;
mod cron;
mod dag;
mod finding;
mod fix;
mod keys;
mod leaf;
mod marshal;
mod memoized;
mod metrics;
mod names;
mod nearest;
mod outputs;
mod plausible;
mod pod;
mod read;
mod rule;
mod schema;
mod steps;
mod substitute;
mod template;
mod version;
mod waits;
mod workflow;
mod zones;

use std::collections::HashMap;

use serde_json::Value;

pub(crate) use self::config_maps::config_maps;
use self::finding::Fix;
pub(crate) use self::finding::{Finding, Holder};
pub(crate) use self::fix::fixed;
pub(crate) use self::nearest::nearest_of_few;
pub(crate) use self::rule::Rule;
pub(crate) use self::version::Version;
use super::document::{Kind, Severity};

/// How a document is checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// The version of Argo; 4.1 is assumed where it is not known, and what only another version takes is a warning.
    pub(crate) version: Option<Version>,
    /// Whether the cluster has Argo's full definitions; without them what breaks only these is a warning.
    pub(crate) full_definitions: bool,
    /// Whether unknown fields are errors, as for `argo submit --strict`.
    pub(crate) strict: bool,
    /// Whether parameters of the workflow may be without a value, which is given later.
    pub(crate) may_lack_values: bool,
    /// Whether `submit` completes the document: caches, a name.
    pub(crate) completes: bool,
    /// The parameters that `submit` adds to the workflow.
    pub(crate) added_parameters: &'static [&'static str],
    /// Whether all that could be called is known: what is not there is nowhere.
    pub(crate) all_known: bool,
    /// Whether the document runs on this machine: nobody else looks at it before it runs.
    pub(crate) local: bool,
}

impl Options {
    /// Whether a cluster refuses what only Argo's full definitions refuse: those before 4.0 have none.
    fn definitions_count(&self) -> bool {
        self.full_definitions && self.version.is_none_or(|version| version >= Version::V4_0)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: None,
            full_definitions: true,
            strict: true,
            may_lack_values: false,
            completes: false,
            added_parameters: &[],
            all_known: false,
            local: false,
        }
    }
}

/// Finds a WorkflowTemplate or, when the second argument says so, a ClusterWorkflowTemplate by its name.
pub(crate) type Known<'k> = &'k dyn Fn(&str, bool) -> Option<&'k Value>;

/// Everything that is wrong with a document, or probably not meant, in the order of its fields.
pub(crate) fn check<'k>(document: &'k Value, kind: Kind, known: Known<'k>, options: &'k Options) -> Vec<Finding> {
    let mut findings = schema::check(document, kind, options);
    if let Some(pointer) = kind.workflow_spec() {
        let of_document = misread(&findings);
        if !of_document.iter().any(|above| is_within(&format!("{pointer}/templates"), above)) {
            let mut of_others: HashMap<Holder, Vec<String>> = HashMap::new();
            let has_meaning = |finding: &Finding| {
                let misread = match &finding.holder {
                    Holder::Document => &of_document,
                    other => of_others.entry(other.clone()).or_insert_with(|| misread_in(other, known, options)),
                };
                !misread.iter().any(|above| is_within(&finding.pointer, above))
            };
            let found = workflow::check(document, kind, pointer, known, options);
            findings.extend(found.into_iter().filter(has_meaning));
        }
    }
    if !options.completes {
        findings.extend(keys::shared_keys(document, kind));
    }
    let told: Vec<String> = findings
        .iter()
        .filter(|finding| !matches!(finding.rule, Rule::Limit | Rule::Required))
        .map(|finding| finding.pointer.clone())
        .collect();
    findings.retain(|finding| finding.rule != Rule::Limit || !told.contains(&finding.pointer));
    findings
}

/// The same of its fields alone, without the workflow that they make.
pub(crate) fn check_fields(document: &Value, kind: Kind, options: &Options) -> Vec<Finding> {
    schema::check(document, kind, options)
}

/// The places that are not read as they are written: nothing in them has a meaning that could be wrong. A misspelled field is
/// to be corrected, tags and all.
fn misread(of_schema: &[Finding]) -> Vec<String> {
    let is_misread = |finding: &&Finding| match finding.rule {
        Rule::Type => finding.severity == Severity::Error,
        Rule::UnknownField => finding.severity == Severity::Warning && !differs_in_case_only(finding),
        _ => false,
    };
    of_schema.iter().filter(is_misread).map(|finding| finding.pointer.clone()).collect()
}

/// The same places of a template of another object, which is looked at as the document calls it.
fn misread_in(holder: &Holder, known: Known<'_>, options: &Options) -> Vec<String> {
    let (name, kind) = match holder {
        Holder::Document => return Vec::new(),
        Holder::Template(name) => (name, Kind::WorkflowTemplate),
        Holder::ClusterTemplate(name) => (name, Kind::ClusterWorkflowTemplate),
    };
    let object = known(name, kind == Kind::ClusterWorkflowTemplate);
    object.map(|object| misread(&schema::check(object, kind, options))).unwrap_or_default()
}

/// Below a step Argo reads a field in any case. (encoding/json)
fn differs_in_case_only(finding: &Finding) -> bool {
    let key = finding.pointer.rsplit('/').next().unwrap_or_default();
    matches!(&finding.fix, Some(Fix::Rename(name)) if name.eq_ignore_ascii_case(key))
}

fn is_within(pointer: &str, above: &str) -> bool {
    pointer.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
