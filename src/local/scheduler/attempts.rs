//! The attempts at a template with a retryStrategy.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;

use super::arguments::{shown, view};
use super::finish::OPERATION_ERROR;
use super::node_table::NodeTable;
use super::part::Part;
use super::retry::{self, Attempt};
use super::start::first_phase;
use super::state::{Body, Call, NodeIndex, Owner};
use super::{Action, Scheduler, Timer};
use crate::argo::duration;
use crate::argo::expression::Scope;
use crate::argo::model::Template;
use crate::argo::status::{NodeFlag, NodeType, Phase, pod_name};
use crate::argo::template::TemplateType;

/// The attempts so far, and what the next one is made of.
#[derive(Debug)]
pub(super) struct Attempts {
    call: Box<Call>,
    nodes: Vec<NodeIndex>,
}

impl Attempts {
    pub(super) fn new(call: Call) -> Self {
        Self { call: Box::new(call), nodes: Vec::new() }
    }

    pub(super) fn last(&self) -> Option<NodeIndex> {
        self.nodes.last().copied()
    }

    /// Whether no attempt is at work.
    pub(super) fn are_idle(&self, nodes: &NodeTable) -> bool {
        self.last().is_none_or(|last| nodes[last].phase.is_fulfilled())
    }

    /// The call of the next attempt.
    fn call(&self, retry: NodeIndex, name: String) -> Call {
        let flag = NodeFlag { retried: true, ..self.call.flag.unwrap_or_default() };
        let call = (*self.call).clone();
        Call { name, owner: Owner::Attempt(retry), flag: Some(flag), hooks: BTreeMap::new(), ..call }
    }
}

impl NodeTable {
    fn attempts(&self, retry: NodeIndex) -> Option<&Attempts> {
        match &self.frame(retry).body {
            Body::Retry(attempts) => Some(attempts),
            _ => None,
        }
    }

    fn attempt(&self, node: NodeIndex) -> Attempt<'_> {
        let frame = self.frame(node);
        Attempt { status: &self[node], began: frame.began, ended: frame.ended }
    }

    /// The node whose outputs count: the last attempt of a retry node, else the node itself.
    pub(super) fn last_attempt(&self, node: NodeIndex) -> NodeIndex {
        if self.frame(node).undecided.is_some() {
            return node;
        }
        self.attempts(node).and_then(Attempts::last).unwrap_or(node)
    }
}

impl Scheduler {
    /// Makes the next attempt of a retry node.
    pub(super) fn attempt(&mut self, retry: NodeIndex) {
        if self.stopping(retry) {
            return self.end_unstarted(retry);
        }
        let Some(attempts) = self.nodes.attempts(retry) else { return };
        let number = attempts.nodes.len();
        let name = format!("{}({number})", self.nodes[retry].name);
        let template = self.template_of_attempt(retry, attempts, &name);
        let call = attempts.call(retry, name);

        let node = self.create_attempt(retry, &call);
        match template {
            Ok((inputs, template)) => {
                self.nodes[node].inputs = inputs;
                self.nodes.frame_mut(node).template = Some(Arc::new(template));
                self.run(node);
            }
            // What cannot be resolved is not retried, whatever the policy.
            Err(why) => {
                self.raise(node, &why);
                self.pass_on(retry, &why);
            }
        }
    }

    /// The inputs and the template of the next attempt, with the tags of the attempt in place.
    fn template_of_attempt(
        &self,
        retry: NodeIndex,
        attempts: &Attempts,
        name: &str,
    ) -> Result<(Option<Value>, Template), String> {
        let filled = self.nodes.frame(retry).filled.as_ref();
        let template = filled.map(|filled| filled.document(self.nodes[retry].inputs.as_ref())).unwrap_or_default();
        let kind = TemplateType::of(|field| template.get(field).is_some());
        let pod = pod_name(self.plan.name(), template["name"].as_str().unwrap_or_default(), name);
        let mut locals = Scope::child(self.scopes.workflow());
        locals.set("pod.name", pod.clone());
        let last = attempts.last().map(|last| self.nodes.attempt(last));
        for (variable, value) in retry::variables(attempts.nodes.len(), last, "0") {
            locals.set(variable, value);
        }

        let mut part = Part::Whole(template);
        let locals = Arc::new(locals);
        part.substitute(&locals)?;
        part.substitute_inputs(&locals)?;
        if kind.is_some_and(TemplateType::is_pod) {
            part.substitute_pod(self.scopes.workflow(), &pod)?;
        }
        let Part::Whole(template) = part else { unreachable!("it stays whole") };
        Ok((shown(&template["inputs"]).cloned(), view(&template)?))
    }

    /// When the attempts at a template end by `backoff.maxDuration`, the one that runs too. Argo sets that deadline as it
    /// looks at a failed attempt, so that the first one has none: processNodeRetries in workflow/controller/operator.go,
    /// v4.1.2.
    pub(super) fn deadline_of_attempts(&self, attempt: NodeIndex) -> Option<SignedDuration> {
        let Owner::Attempt(retry) = self.nodes.frame(attempt).owner else { return None };
        let first = self.nodes.attempts(retry)?.nodes.first().filter(|&&first| first != attempt)?;
        let strategy = self.nodes.frame(retry).template.as_ref()?.retry_strategy.as_ref()?;
        let limit = strategy.backoff.as_ref()?.max_duration.as_deref().filter(|text| !text.is_empty())?;
        self.nodes.frame(*first).began.checked_add(duration::parse(limit).ok()?)
    }

    fn create_attempt(&mut self, retry: NodeIndex, call: &Call) -> NodeIndex {
        let frame = self.nodes.frame(retry);
        let kind = frame
            .template
            .as_ref()
            .and_then(|template| template.template_type())
            .map_or(NodeType::Pod, TemplateType::node_type);
        let inner_scope = frame.inner_scope.clone();
        let phase = first_phase(kind);
        let node = self.create(call, kind, phase);
        let template_name = self.nodes[retry].template_name.clone();
        self.nodes[node].template_name = template_name;
        self.nodes.frame_mut(node).inner_scope = inner_scope;
        self.nodes.join(retry, node);
        if let Body::Retry(attempts) = &mut self.nodes.frame_mut(retry).body {
            attempts.nodes.push(node);
        }
        node
    }

    pub(super) fn attempt_settled(&mut self, retry: NodeIndex) {
        let Some(last) = self.nodes.attempts(retry).and_then(Attempts::last) else { return };
        let phase = self.nodes[last].phase;
        if self.nodes[retry].phase.is_fulfilled() {
            return;
        }
        if self.is_daemoned(last) {
            return self.attempt_ready(retry);
        }
        if let Some(why) = self.nodes.broken_off(retry).map(str::to_owned) {
            return self.finish(retry, Phase::Failed, &why);
        }
        if let Some(why) = self.nodes.frame(last).raised.clone().filter(|_| !self.retries_errors(retry)) {
            return self.pass_on(retry, &why);
        }
        if !phase.is_unsuccessful() {
            self.take_outputs(retry, last);
            return self.finish(retry, Phase::Succeeded, "");
        }
        match self.next_attempt(retry) {
            Ok(retry::Next::Attempt(at, message)) => {
                if at <= self.now.elapsed {
                    return self.attempt(retry);
                }
                self.nodes.set(retry, Phase::Running, &message);
                self.actions.push(Action::Wake(at, Timer::Retry(retry)));
            }
            Ok(retry::Next::End(message)) => {
                self.take_outputs(retry, last);
                self.finish(retry, phase, &message);
            }
            Err(why) => self.raise(retry, &why),
        }
    }

    fn retries_errors(&self, retry: NodeIndex) -> bool {
        let template = self.nodes.frame(retry).template.as_ref();
        template.and_then(|template| template.retry_strategy.as_ref()).is_some_and(retry::retries_errors)
    }

    /// An error that an attempt hands up and that is not retried ends the retry node and is handed up further. The
    /// entrypoint's node is still Running when it reaches the workflow. (workflow/controller/operator.go, executeTemplate
    /// and markWorkflowPhase)
    fn pass_on(&mut self, retry: NodeIndex, why: &str) {
        self.raise(retry, why);
        if self.nodes.frame(retry).owner == Owner::Entry {
            OPERATION_ERROR.clone_into(&mut self.nodes[retry].message);
        }
    }

    fn next_attempt(&self, retry: NodeIndex) -> Result<retry::Next, String> {
        let Some(attempts) = self.nodes.attempts(retry) else { return Err("no node with attempts".to_owned()) };
        if self.stop.was_ordered(self.nodes.frame(retry).on_exit) {
            return Ok(retry::Next::End(self.stop.of_run()));
        }
        if self.stop.has_expired(self.nodes.frame(retry).on_exit) {
            return Ok(retry::Next::End("retry exceeded workflow deadline".to_owned()));
        }
        let strategy = self.nodes.frame(retry).template.as_ref().and_then(|template| template.retry_strategy.clone());
        let attempts: Vec<Attempt> = attempts.nodes.iter().map(|&attempt| self.nodes.attempt(attempt)).collect();
        retry::next(&strategy.unwrap_or_default(), &attempts, self.now.elapsed, self.scopes.stop())
    }

    fn take_outputs(&mut self, retry: NodeIndex, attempt: NodeIndex) {
        let outputs = self.nodes[attempt].outputs.clone();
        self.nodes[retry].outputs = outputs;
    }
}
