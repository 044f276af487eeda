//! The status of a workflow as the Argo controller writes it.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a node, or a whole workflow, stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Created, waiting.
    #[default]
    Pending,
    /// At work.
    Running,
    /// Ended well.
    Succeeded,
    /// Not run: its condition was false.
    Skipped,
    /// The program failed.
    Failed,
    /// The run itself went wrong.
    Error,
    /// Not run: what it depends on did not end as asked.
    Omitted,
}

impl Phase {
    /// Failed or Error.
    pub(crate) fn is_unsuccessful(self) -> bool {
        matches!(self, Self::Failed | Self::Error)
    }

    /// Ran to an end: Succeeded, Failed or Error.
    pub(crate) fn is_completed(self) -> bool {
        self == Self::Succeeded || self.is_unsuccessful()
    }

    /// Nothing more will happen.
    pub(crate) fn is_fulfilled(self) -> bool {
        self.is_completed() || matches!(self, Self::Skipped | Self::Omitted)
    }

    /// The word in the status.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Skipped => "Skipped",
            Self::Failed => "Failed",
            Self::Error => "Error",
            Self::Omitted => "Omitted",
        }
    }
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum NodeType {
    /// A pod, locally a task.
    Pod,
    /// A container of a containerSet.
    Container,
    /// A steps template.
    Steps,
    /// Steps that run in parallel.
    StepGroup,
    /// A dag template.
    #[serde(rename = "DAG")]
    Dag,
    /// The items of an expanded task.
    TaskGroup,
    /// The attempts at a template with a retryStrategy.
    Retry,
    /// A step or task that did not run.
    Skipped,
    /// A pause.
    Suspend,
    /// An http template.
    #[serde(rename = "HTTP")]
    Http,
    /// A plugin template.
    Plugin,
}

impl NodeType {
    /// The word in the status.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Container => "Container",
            Self::Steps => "Steps",
            Self::StepGroup => "StepGroup",
            Self::Dag => "DAG",
            Self::TaskGroup => "TaskGroup",
            Self::Retry => "Retry",
            Self::Skipped => "Skipped",
            Self::Suspend => "Suspend",
            Self::Http => "HTTP",
            Self::Plugin => "Plugin",
        }
    }
}

/// A node of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Unique in the run.
    pub id: String,
    /// The full name, such as `wf[0].step(1:item)`.
    pub(crate) name: String,
    /// The name below its boundary.
    pub(crate) display_name: String,
    /// What it stands for.
    #[serde(rename = "type")]
    pub(crate) kind: NodeType,
    /// The called template, when it has a name of its own object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) template_name: Option<String>,
    /// The called template, when another object has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) template_ref: Option<Value>,
    /// Where the template's name is looked up: `local/…`, `namespaced/…` or `cluster/…`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) template_scope: Option<String>,
    /// Where it stands.
    pub(crate) phase: Phase,
    /// The id of the steps or dag node it belongs to.
    #[serde(rename = "boundaryID", skip_serializing_if = "Option::is_none", default)]
    pub(crate) boundary_id: Option<String>,
    /// Why it stands there.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) message: String,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) finished_at: Option<Timestamp>,
    /// Completed pods of all pods below it, as `1/3`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) progress: Option<String>,
    /// What it was given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) inputs: Option<Value>,
    /// What it gave.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) outputs: Option<Outputs>,
    /// Ids of the nodes after it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) children: Vec<String>,
    /// Ids of its last nodes, to which the next ones are joined.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) outbound_nodes: Vec<String>,
    /// What the cache said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) memoization_status: Option<MemoizationStatus>,
    /// The lock it waits for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) synchronization_status: Option<NodeSynchronization>,
    /// Whether it is a hook or an attempt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) node_flag: Option<NodeFlag>,
    /// Whether it is a daemon that runs beside what comes after it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) daemoned: Option<bool>,
    /// The address of a daemon.
    #[serde(rename = "podIP", skip_serializing_if = "Option::is_none", default)]
    pub(crate) pod_ip: Option<String>,
    /// The machine it ran on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) host_node_name: Option<String>,
}

impl Node {
    /// Reads a node of a status. Of a malformed one each field counts that is as it should be.
    pub(crate) fn read(id: &str, value: &Value) -> Self {
        let mut node = Self::deserialize(value).unwrap_or_else(|_| Self::read_by_field(id, value));
        node.take_report();
        node
    }

    fn read_by_field(id: &str, value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let name = text("name").unwrap_or_else(|| id.to_owned());
        Self {
            id: text("id").unwrap_or_else(|| id.to_owned()),
            display_name: text("displayName").unwrap_or_else(|| name.clone()),
            name,
            kind: field(value, "type").unwrap_or(NodeType::Pod),
            template_name: text("templateName"),
            template_ref: value.get("templateRef").filter(|reference| reference.is_object()).cloned(),
            template_scope: text("templateScope"),
            phase: field(value, "phase").unwrap_or(Phase::Pending),
            boundary_id: text("boundaryID"),
            message: text("message").unwrap_or_default(),
            started_at: field(value, "startedAt"),
            finished_at: field(value, "finishedAt"),
            progress: text("progress"),
            inputs: value.get("inputs").filter(|inputs| inputs.is_object()).cloned(),
            outputs: field(value, "outputs"),
            children: field(value, "children").unwrap_or_default(),
            outbound_nodes: field(value, "outboundNodes").unwrap_or_default(),
            memoization_status: field(value, "memoizationStatus"),
            synchronization_status: field(value, "synchronizationStatus"),
            node_flag: field(value, "nodeFlag"),
            daemoned: field(value, "daemoned"),
            pod_ip: text("podIP"),
            host_node_name: text("hostNodeName"),
        }
    }

    /// The name of the template that it calls; empty for an inline one.
    pub(crate) fn called(&self) -> &str {
        let referenced = self.template_ref.as_ref().and_then(|reference| reference.get("template"));
        referenced.and_then(Value::as_str).or(self.template_name.as_deref()).unwrap_or_default()
    }
}

fn field<T: DeserializeOwned>(value: &Value, name: &str) -> Option<T> {
    T::deserialize(value.get(name)?).ok()
}

/// What a node gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Output parameters.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) parameters: Vec<OutputParameter>,
    /// Output artifacts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) artifacts: Vec<Value>,
    /// Standard output, where a caller refers to it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) result: Option<String>,
    /// Exit code of the main container.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) exit_code: Option<String>,
}

/// An output parameter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutputParameter {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) value: Option<String>,
    /// The name under which it is known in the whole workflow.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) global_name: Option<String>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) value_from: Option<Value>,
}

/// What the cache said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemoizationStatus {
    /// Whether the outputs came from the cache.
    pub(crate) hit: bool,
    /// The entry's key.
    pub(crate) key: String,
    /// The cache's name.
    pub(crate) cache_name: String,
}

impl MemoizationStatus {
    /// What the cache said of a node, of whose other fields none is read unless `exec` may have told it.
    pub(crate) fn of_node(id: &str, node: &Value) -> Option<Self> {
        match field(node, "memoizationStatus") {
            None if node.get("outputs").is_some() => Node::read(id, node).memoization_status,
            told => told,
        }
    }
}

/// What a node has to do with locks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeSynchronization {
    /// The name of the lock it waits for; empty when it waits no more.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) waiting: String,
}

/// Whether a node is a hook or an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct NodeFlag {
    /// It runs for an event of another node.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) hooked: bool,
    /// It is one of several attempts.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) retried: bool,
}

/// The id of a node: the workflow's name for the root, else the name and the 32-bit FNV-1a hash of the node's name.
pub fn node_id(workflow: &str, node_name: &str) -> String {
    if workflow == node_name { workflow.to_owned() } else { format!("{workflow}-{}", fnv32a(node_name)) }
}

/// The name of a node's pod (Argo's format v2).
pub fn pod_name(workflow: &str, template: &str, node_name: &str) -> String {
    if workflow == node_name {
        workflow.to_owned()
    } else if template.is_empty() {
        node_id(workflow, node_name)
    } else {
        format!("{workflow}-{template}-{}", fnv32a(node_name))
    }
}

/// What a node of this name is shown as. An item in parentheses may have dots of its own.
pub(crate) fn display_name(name: &str) -> &str {
    let mut depth = 0_usize;
    let mut start = 0;
    for (place, byte) in name.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'.' if depth == 0 => start = place + 1,
            _ => {}
        }
    }
    &name[start..]
}

fn fnv32a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_a_controller_gave() {
        assert_eq!(node_id("re-resubmit", "re-resubmit.A"), "re-resubmit-3867940115");
        assert_eq!(
            pod_name("ex-artifact-passing", "hello-world-to-file", "ex-artifact-passing[0].generate-artifact"),
            "ex-artifact-passing-hello-world-to-file-1589042989"
        );
        assert_eq!(node_id("wf", "wf"), "wf");
    }

    #[test]
    fn a_node_is_shown_by_the_last_part_of_its_name() {
        let shown = ["w", "w[0].load", "w.all.load", "w[0].load(0:a.b)", "w[0].each(1:a.b)[2].load(0:x)(1)"];
        assert_eq!(shown.map(display_name), ["w", "load", "load", "load(0:a.b)", "load(0:x)(1)"]);
    }
}
