//! What a template calls: steps, tasks of a dag, hooks.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::text;
use super::values::Arguments;

/// A step of a steps template or a task of a dag template.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Step {
    /// Unique in its template.
    pub(crate) name: String,
    /// The template it calls, by name.
    pub(crate) template: String,
    /// The template it calls, in another object.
    pub(crate) template_ref: Option<TemplateRef>,
    /// The template it calls, written in place.
    pub(crate) inline: Option<Value>,
    /// What it hands in.
    pub(crate) arguments: Arguments,
    /// Runs only where this holds.
    pub(crate) when: String,
    /// One run an item.
    pub(crate) with_items: Option<Vec<Value>>,
    /// One run an item of this JSON list.
    pub(crate) with_param: String,
    /// One run a number.
    pub(crate) with_sequence: Option<Sequence>,
    /// Which failures do not count.
    pub(crate) continue_on: ContinueOn,
    /// Templates that run on its events, by the event's name.
    pub(crate) hooks: BTreeMap<String, Hook>,
    /// Deprecated form of `hooks.exit`.
    pub(crate) on_exit: String,
    /// Which tasks must have ended, and how.
    pub(crate) depends: String,
    /// Older form of `depends`.
    pub(crate) dependencies: Vec<String>,
}

impl Step {
    /// Whether it becomes one run an item.
    pub(crate) fn expands(&self) -> bool {
        self.with_items.as_ref().is_some_and(|items| !items.is_empty())
            || !self.with_param.is_empty()
            || self.with_sequence.is_some()
    }
}

/// A template in a WorkflowTemplate or ClusterWorkflowTemplate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TemplateRef {
    /// The object's name.
    pub(crate) name: String,
    /// The template's name in it.
    pub(crate) template: String,
    /// Whether the object is a ClusterWorkflowTemplate.
    pub(crate) cluster_scope: bool,
}

/// Which failures of a step do not fail what it belongs to.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContinueOn {
    /// An Error does not count.
    pub(crate) error: bool,
    /// A failure does not count.
    pub(crate) failed: bool,
}

/// A template that runs on an event of a node or of the workflow.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Hook {
    /// The template's name.
    pub(crate) template: String,
    /// Or a template of another object.
    pub(crate) template_ref: Option<TemplateRef>,
    /// What it hands in.
    pub(crate) arguments: Value,
    /// Runs once this holds.
    pub(crate) expression: String,
}

/// Numbers to run for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sequence {
    /// How many.
    #[serde(deserialize_with = "text")]
    pub(crate) count: Option<String>,
    /// The first; 0 when none.
    #[serde(deserialize_with = "text")]
    pub(crate) start: Option<String>,
    /// The last.
    #[serde(deserialize_with = "text")]
    pub(crate) end: Option<String>,
    /// A printf format for each, such as `%02d`.
    pub(crate) format: String,
}

/// The tasks of a dag template.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Dag {
    /// Tasks in the order of the document.
    pub(crate) tasks: Vec<Value>,
    /// Whether the first failure decides the phase; so unless it is false.
    pub(crate) fail_fast: Option<bool>,
    /// Names of the tasks to reach, space separated; all leaves when empty.
    pub(crate) target: String,
}
