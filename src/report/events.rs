//! What happens to the nodes of a run, event by event: each is told once, whichever states of the run are seen.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::node_state::State;
use super::run_state::RunState;
use crate::argo::nodes::path;
use crate::argo::status::{Node, NodeType, Phase};
use crate::argo::{Nodes, Workflow};
use crate::mask::Mask;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Event {
    /// A node is at work.
    Started(NodeEvent),
    /// A node has run to its end.
    Ended(NodeEvent),
    /// A node was given what the cache holds.
    Cached(NodeEvent),
    /// A node does not run.
    Skipped(NodeEvent),
    /// The run has ended.
    Run(RunEvent),
}

/// A node at the time of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeEvent {
    /// The workflow's name.
    pub(crate) workflow: String,
    /// The path of the node, the same in each attempt.
    pub(crate) node: String,
    /// The node's id.
    pub(crate) id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) kind: NodeType,
    /// The template it calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
    /// Where it stands.
    pub(crate) phase: Phase,
    /// Why it stands there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<Timestamp>,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunEvent {
    /// The workflow's name.
    pub(crate) workflow: String,
    /// Its phase.
    pub(crate) phase: String,
    /// The same in one of the words success and failure.
    pub(crate) state: RunState,
    /// The message of its status.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<Timestamp>,
}

/// How much of each node was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Started,
    Ended,
}

/// The events of one run.
#[derive(Debug, Default)]
pub(crate) struct Events {
    told: HashMap<String, Told>,
    has_ended: bool,
}

impl Events {
    /// What has happened since the last state that was seen.
    pub(crate) fn of(&mut self, workflow: &Workflow, nodes: &Nodes, mask: &Mask) -> Vec<Event> {
        let mut events = Vec::new();
        for node in nodes.all.iter().filter(|node| !matches!(node.kind, NodeType::StepGroup | NodeType::TaskGroup)) {
            let told = self.told.get(&node.id).copied();
            let event = || node_event(workflow, node, mask);
            let state = State::of(node, false);
            if told.is_none() && matches!(state, State::Running | State::Ran | State::Failed) {
                events.push(Event::Started(event()));
                self.told.insert(node.id.clone(), Told::Started);
            }
            if told == Some(Told::Ended) {
                continue;
            }
            events.push(match state {
                State::Running | State::Waiting | State::Lost => continue,
                State::Ran | State::Failed => Event::Ended(event()),
                State::Cached => Event::Cached(event()),
                State::Skipped => Event::Skipped(event()),
            });
            self.told.insert(node.id.clone(), Told::Ended);
        }
        if workflow.has_ended() && !self.has_ended {
            self.has_ended = true;
            events.push(Event::Run(RunEvent {
                workflow: workflow.name().to_owned(),
                phase: workflow.phase().to_owned(),
                state: RunState::of(workflow),
                message: mask.text(workflow.message()),
                finished_at: workflow.finished_at(),
            }));
        }
        events
    }
}

fn node_event(workflow: &Workflow, node: &Node, mask: &Mask) -> NodeEvent {
    NodeEvent {
        workflow: workflow.name().to_owned(),
        node: mask.text(&path(workflow.name(), &node.name)),
        id: node.id.clone(),
        kind: node.kind,
        template: Some(node.called().to_owned()).filter(|template| !template.is_empty()),
        phase: node.phase,
        message: mask.text(&node.message),
        started_at: node.started_at,
        finished_at: node.finished_at,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn workflow(phase: &str, nodes: &[(&str, &str, &str, bool)]) -> Value {
        let mut all = serde_json::Map::new();
        for (name, kind, phase, hit) in nodes {
            let node = json!({"id": name, "name": name, "displayName": name, "type": kind, "phase": phase,
                "memoizationStatus": {"hit": hit, "key": "k", "cacheName": "c"}});
            all.insert((*name).to_owned(), node);
        }
        json!({"metadata": {"name": "w"}, "status": {"phase": phase, "nodes": all}})
    }

    fn words(events: &mut Events, workflow: &Value) -> Vec<String> {
        let workflow = Workflow::view(workflow);
        let told = events.of(workflow, &workflow.nodes(), &Mask::default());
        let word = |event: &Event| {
            let event = serde_json::to_value(event).unwrap_or_default();
            let subject = event["node"].as_str().or(event["state"].as_str()).unwrap_or_default().to_owned();
            format!("{} {subject}", event["event"].as_str().unwrap_or_default())
        };
        told.iter().map(word).collect()
    }

    #[test]
    fn each_event_is_told_once() {
        let mut events = Events::default();
        let first = [
            ("w", "Steps", "Running", false),
            ("w[0]", "StepGroup", "Running", false),
            ("w[0].a", "Pod", "Pending", false),
        ];
        assert_eq!(words(&mut events, &workflow("Running", &first)), ["started w"]);
        let next = [
            ("w", "Steps", "Running", false),
            ("w[0].a", "Pod", "Running", false),
            ("w[0].b", "Pod", "Succeeded", true),
            ("w[0].c", "Skipped", "Skipped", false),
        ];
        assert_eq!(words(&mut events, &workflow("Running", &next)), ["started a", "cached b", "skipped c"]);
        assert!(words(&mut events, &workflow("Running", &next)).is_empty());
        let last = [
            ("w", "Steps", "Failed", false),
            ("w[0].a", "Pod", "Failed", false),
            ("w[1].d", "Pod", "Succeeded", false),
        ];
        let expected = ["ended w", "ended a", "started d", "ended d", "run failure"];
        assert_eq!(words(&mut events, &workflow("Failed", &last)), expected);
    }
}
