//! The attempts at a template with a retryStrategy.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::start::inputs;
use super::state::{Body, Call, NodeIndex, Owner};
use super::{Action, Scheduler, Timer, arguments, retry};
use crate::argo::duration;
use crate::argo::expression::Scope;
use crate::argo::status::{Node, NodeFlag, NodeType, Phase, pod_name};
use crate::argo::template::TemplateType;

/// Time before the next attempt where the last one ended as it began, so that a run cannot spin.
const BREATH: SignedDuration = SignedDuration::from_secs(1);

impl Scheduler {
    /// Makes the next attempt of a retry node.
    pub(super) fn attempt(&mut self, retry: NodeIndex) {
        if self.stopping(retry) {
            return self.end_unstarted(retry);
        }
        let Body::Retry(body) = &self.nodes.frame(retry).body else { return };
        let (number, last) = (body.attempts.len(), body.attempts.last().copied());
        let name = format!("{}({number})", self.nodes[retry].name);
        let mut locals = Scope::child(self.scopes.workflow());
        let template_name = body.value["name"].as_str().unwrap_or_default();
        let pod = pod_name(self.plan.name(), template_name, &name);
        locals.set("pod.name", pod.clone());
        for (variable, value) in retry::variables(number, last.map(|last| &self.nodes[last]), "0") {
            locals.set(variable, value);
        }
        let kind = TemplateType::of(|field| body.value.get(field).is_some());
        let is_pod = kind.is_some_and(TemplateType::is_pod);
        let mut processed = arguments::substitute(&body.value, &Arc::new(locals));
        if is_pod {
            processed =
                processed.and_then(|processed| arguments::substitute_pod(processed, self.scopes.workflow(), &pod));
        }
        let call = Call {
            name,
            owner: Owner::Attempt(retry),
            flag: Some(NodeFlag { retried: true, ..body.call.flag.unwrap_or_default() }),
            hooks: BTreeMap::new(),
            ..(*body.call).clone()
        };
        let node = self.create_attempt(retry, &call);
        match processed {
            Ok(processed) => {
                self.nodes[node].inputs = inputs(&processed.value);
                self.nodes.frame_mut(node).template = Some(Arc::from(processed.template));
                self.run(node);
            }
            Err(why) => self.raise(node, &why),
        }
    }

    /// When the attempts at a template end by `backoff.maxDuration`, the one that runs too. Argo sets that deadline as it
    /// looks at a failed attempt, so that the first one has none: processNodeRetries in workflow/controller/operator.go,
    /// v4.1.2.
    pub(super) fn deadline_of_attempts(&self, attempt: NodeIndex) -> Option<Timestamp> {
        let Owner::Attempt(retry) = self.nodes.frame(attempt).owner else { return None };
        let Body::Retry(body) = &self.nodes.frame(retry).body else { return None };
        let first = body.attempts.first().filter(|&&first| first != attempt)?;
        let strategy = self.nodes.frame(retry).template.as_ref()?.retry_strategy.as_ref()?;
        let limit = strategy.backoff.as_ref()?.max_duration.as_deref().filter(|text| !text.is_empty())?;
        self.nodes[*first].started_at?.checked_add(duration::parse(limit).ok()?).ok()
    }

    fn create_attempt(&mut self, retry: NodeIndex, call: &Call) -> NodeIndex {
        let frame = self.nodes.frame(retry);
        let kind = frame
            .template
            .as_ref()
            .and_then(|template| template.template_type())
            .map_or(NodeType::Pod, TemplateType::node_type);
        let inner_scope = frame.inner_scope.clone();
        let phase = if kind == NodeType::Pod { Phase::Pending } else { Phase::Running };
        let node = self.create(call, kind, phase);
        let template_name = self.nodes[retry].template_name.clone();
        self.nodes[node].template_name = template_name;
        self.nodes.frame_mut(node).inner_scope = inner_scope;
        self.nodes.join(retry, node);
        if let Body::Retry(body) = &mut self.nodes.frame_mut(retry).body {
            body.attempts.push(node);
        }
        node
    }

    pub(super) fn attempt_settled(&mut self, retry: NodeIndex) {
        let Body::Retry(body) = &self.nodes.frame(retry).body else { return };
        let Some(&last) = body.attempts.last() else { return };
        let phase = self.nodes[last].phase;
        if !phase.is_unsuccessful() {
            self.take_outputs(retry, last);
            return self.finish(retry, Phase::Succeeded, "");
        }
        match self.next_attempt(retry) {
            Ok(retry::Next::Attempt(at, message)) => {
                let last = &self.nodes[last];
                let at = if last.started_at == last.finished_at { at.max(self.now + BREATH) } else { at };
                if at <= self.now {
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

    fn next_attempt(&self, retry: NodeIndex) -> Result<retry::Next, String> {
        let Body::Retry(body) = &self.nodes.frame(retry).body else { return Err("no node with attempts".to_owned()) };
        if self.stopping(retry) {
            return Ok(retry::Next::End(self.stop.of_run()));
        }
        if self.stop.has_expired(self.nodes.frame(retry).on_exit) {
            return Ok(retry::Next::End("retry exceeded workflow deadline".to_owned()));
        }
        let strategy = self.nodes.frame(retry).template.as_ref().and_then(|template| template.retry_strategy.clone());
        let attempts: Vec<&Node> = body.attempts.iter().map(|&attempt| &self.nodes[attempt]).collect();
        retry::next(&strategy.unwrap_or_default(), &attempts, self.now)
    }

    fn take_outputs(&mut self, retry: NodeIndex, attempt: NodeIndex) {
        let outputs = self.nodes[attempt].outputs.clone();
        self.nodes[retry].outputs = outputs;
    }
}
