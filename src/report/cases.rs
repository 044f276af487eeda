//! A run as a suite of test cases for CI: one case for each piece of work.

use jiff::{SignedDuration, Timestamp};

use super::failures::{FailedNode, Failures};
use super::summary::Summary;
use super::work::Work;
use crate::argo::status::{Node, Phase};
use crate::mask::Mask;

/// A run, or why its end is not known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Suite {
    /// The workflow's name.
    pub(crate) name: String,
    /// Properties of the run by name, such as namespace and run id.
    pub(crate) properties: Vec<(&'static str, String)>,
    /// The workflow's phase; empty if not known.
    pub(crate) phase: String,
    /// Its start time.
    pub(crate) started: Option<Timestamp>,
    /// Its duration.
    pub(crate) took: Option<SignedDuration>,
    /// Its work, in order of start.
    pub(crate) cases: Vec<Case>,
    /// What failed, and what to do next.
    pub(crate) failures: Failures,
}

/// A piece of work: a pod with all its attempts, a suspension, or a whole template that was served from the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// The node's name without the workflow's: `load`, `[0].load(1:b)`.
    pub(crate) name: String,
    /// The template; if it is in another object, with that object's name: `shared/load`.
    pub(crate) template: String,
    /// How it ended.
    pub(crate) verdict: Verdict,
    /// Its duration, with all attempts.
    pub(crate) took: Option<SignedDuration>,
    /// Whether its outputs came from the cache.
    pub(crate) cached: bool,
    /// Failed attempts before the last one.
    pub(crate) attempts: Vec<Attempt>,
    /// The id of the node, or of its last attempt.
    pub(crate) id: String,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// How it ended.
    pub(crate) verdict: Verdict,
    /// Its duration.
    pub(crate) took: Option<SignedDuration>,
}

/// How a piece of work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// Failed, for this reason.
    Failed(String),
    /// Ended in Error, for this reason.
    Errored(String),
    /// Did not run, or not to its end, for this reason.
    Skipped(String),
}

impl Verdict {
    /// Whether it Failed or ended in Error.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Errored(_))
    }

    /// The reason.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Passed => "",
            Self::Failed(reason) | Self::Errored(reason) | Self::Skipped(reason) => reason,
        }
    }

    pub(super) fn of(phase: Phase, message: String) -> Self {
        let or = |message: String, other: &str| if message.is_empty() { other.to_owned() } else { message };
        match phase {
            Phase::Succeeded => Self::Passed,
            Phase::Failed => Self::Failed(or(message, "failed")),
            Phase::Error => Self::Errored(or(message, "error")),
            Phase::Skipped => Self::Skipped(or(message, "skipped")),
            Phase::Omitted => Self::Skipped(or(message, "omitted")),
            Phase::Pending => Self::Skipped(or(message, "not started")),
            Phase::Running => Self::Skipped(or(message, "not finished")),
        }
    }
}

impl Suite {
    /// The suite of a run. If the run failed but none of its work did, the run itself is a case.
    pub(crate) fn of(summary: &Summary, nodes: &[Node], mask: &Mask) -> Self {
        let run = Work::of(&summary.name, nodes, mask);
        let mut cases: Vec<Case> = nodes.iter().filter_map(|node| run.case(node)).collect();
        let verdict = match summary.phase.as_str() {
            "Succeeded" => Verdict::Passed,
            "Failed" => Verdict::of(Phase::Failed, mask.text(&summary.message)),
            _ => Verdict::of(Phase::Error, mask.text(&summary.message)),
        };

        if verdict.is_failure() && !cases.iter().any(|case| case.verdict.is_failure()) {
            cases.push(Case::of_run(&summary.name, verdict));
        }

        let known = |name, value: Option<&String>| value.cloned().map(|value| (name, value));
        Self {
            name: summary.name.clone(),
            properties: [
                known("namespace", Some(&summary.namespace)),
                known("phase", Some(&summary.phase)),
                known("run id", summary.run_id.as_ref()),
                known("retry of run id", summary.retry_run_id.as_ref()),
            ]
            .into_iter()
            .flatten()
            .collect(),
            phase: summary.phase.clone(),
            started: summary.start_time,
            took: summary.completion_time.and_then(|end| summary.duration(end)),
            cases,
            failures: Failures::default(),
        }
    }

    /// The same suite with what failed.
    pub(crate) fn with(self, failures: &Failures) -> Self {
        Self { failures: failures.clone(), ..self }
    }

    /// The failure of a case. The run itself, as a case, has the first one.
    pub(crate) fn failure(&self, case: &Case) -> Option<&FailedNode> {
        if !case.verdict.is_failure() {
            return None;
        }
        let of_node = self.failures.nodes.iter().find(|node| node.id == case.id);
        of_node.or_else(|| self.failures.nodes.first().filter(|_| case.id.is_empty()))
    }

    /// A run whose end is not known.
    pub(crate) fn without_end(name: &str, why: &str) -> Self {
        let case = Case::of_run(name, Verdict::Errored(why.to_owned()));
        let (properties, phase) = (Vec::new(), String::new());
        Self {
            name: name.to_owned(),
            properties,
            phase,
            started: None,
            took: None,
            cases: vec![case],
            failures: Failures::default(),
        }
    }
}

impl Case {
    fn of_run(name: &str, verdict: Verdict) -> Self {
        let (name, template) = (name.to_owned(), "workflow".to_owned());
        Self { name, template, verdict, took: None, cached: false, attempts: Vec::new(), id: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::argo::Workflow;

    fn node(id: &str, kind: &str, phase: &str, more: &Value) -> Value {
        let mut node = json!({"id": id, "name": format!("w.{id}"), "displayName": id, "type": kind, "phase": phase,
            "templateName": "t", "startedAt": "2026-11-21T10:00:00Z", "finishedAt": "2026-11-21T10:00:02Z"});
        for (field, value) in more.as_object().into_iter().flatten() {
            node[field] = value.clone();
        }
        node
    }

    fn suite(phase: &str, nodes: &[Value]) -> Suite {
        let nodes: serde_json::Map<String, Value> =
            nodes.iter().map(|node| (node["id"].as_str().unwrap_or_default().to_owned(), node.clone())).collect();
        let workflow = json!({
            "metadata": {"name": "w", "namespace": "ci"},
            "spec": {"arguments": {"parameters": [{"name": "run_id", "value": "r1"}, {"name": "token", "value": "s3cr3t"}]}},
            "status": {"phase": phase, "message": "no s3cr3t", "nodes": nodes},
        });
        let workflow = Workflow::from(workflow);
        let nodes = workflow.nodes();
        Suite::of(&Summary::of(&workflow, &nodes), &nodes.all, &Mask::of(&workflow, &nodes.all))
    }

    fn verdicts(suite: &Suite) -> Vec<(&str, &Verdict)> {
        suite.cases.iter().map(|case| (case.name.as_str(), &case.verdict)).collect()
    }

    #[test]
    fn each_piece_of_work_is_a_case() {
        let hit = json!({"memoizationStatus": {"hit": true, "key": "k", "cacheName": "c"}});
        let shared = json!({"templateRef": {"name": "shared", "template": "load"}, "message": "exit code 1: s3cr3t"});
        let suite = suite(
            "Failed",
            &[
                node("main", "DAG", "Failed", &json!({})),
                node("a", "Pod", "Succeeded", &json!({})),
                node("a1", "Container", "Succeeded", &json!({})),
                node("b", "Steps", "Succeeded", &hit),
                node("c", "Pod", "Failed", &shared),
                node("d", "Skipped", "Omitted", &json!({"message": "omitted: depends condition not met"})),
                node("e", "Pod", "Pending", &json!({})),
            ],
        );
        let skipped = |why: &str| Verdict::Skipped(why.to_owned());
        assert_eq!(
            verdicts(&suite),
            [
                ("a", &Verdict::Passed),
                ("b", &Verdict::Passed),
                ("c", &Verdict::Failed("exit code 1: ***".to_owned())),
                ("d", &skipped("omitted: depends condition not met")),
                ("e", &skipped("not started")),
            ]
        );
        assert_eq!((suite.cases[1].cached, suite.cases[0].cached), (true, false));
        assert_eq!(
            (suite.cases[2].template.as_str(), suite.cases[0].took),
            ("shared/load", Some(SignedDuration::from_secs(2)))
        );
        assert!(suite.properties.contains(&("run id", "r1".to_owned())));
    }

    #[test]
    fn failed_attempts_are_listed_with_their_verdict() {
        let attempts = json!({"children": ["a0", "a1", "hook"]});
        let flag = json!({"message": "exit code 1", "nodeFlag": {"retried": true}});
        let suite = suite(
            "Succeeded",
            &[
                node("a", "Retry", "Succeeded", &attempts),
                node("a0", "Pod", "Failed", &flag),
                node("a1", "Pod", "Succeeded", &json!({})),
                node("hook", "Pod", "Succeeded", &json!({"nodeFlag": {"hooked": true}})),
            ],
        );
        assert_eq!(verdicts(&suite), [("a", &Verdict::Passed), ("hook", &Verdict::Passed)]);
        let attempts: Vec<&Verdict> = suite.cases[0].attempts.iter().map(|attempt| &attempt.verdict).collect();
        assert_eq!(attempts, [&Verdict::Failed("exit code 1".to_owned())]);
    }

    #[test]
    fn only_the_last_attempt_of_a_template_counts() {
        let within = |boundary: &str| json!({"boundaryID": boundary});
        let suite = suite(
            "Succeeded",
            &[
                node("a", "Retry", "Succeeded", &json!({"children": ["a0", "a1"]})),
                node("a0", "Steps", "Failed", &json!({})),
                node("a1", "Steps", "Succeeded", &json!({})),
                node("a0.x", "Pod", "Failed", &within("a0")),
                node("a1.x", "Pod", "Succeeded", &within("a1")),
            ],
        );
        assert_eq!(verdicts(&suite), [("a1.x", &Verdict::Passed)]);
    }

    #[test]
    fn a_run_that_failed_without_failed_work_is_a_case() {
        let failed = suite("Error", &[node("a", "Pod", "Succeeded", &json!({}))]);
        assert_eq!(verdicts(&failed)[1], ("w", &Verdict::Errored("no ***".to_owned())));
        assert_eq!(verdicts(&suite("Succeeded", &[])), []);
        assert_eq!(verdicts(&Suite::without_end("w", "gone")), [("w", &Verdict::Errored("gone".to_owned()))]);
    }
}
