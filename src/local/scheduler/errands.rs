//! Nodes whose work needs no process: http templates and data templates. What they mean is Argo's: executeHTTPTemplate in
//! workflow/executor/agent.go, and workflow/data, v4.1.2.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use serde_json::{Map, Value, json};

use super::state::{Body, Kill, NodeIndex};
use super::task::ARTIFACTS;
use super::{Action, Scheduler, Timer};
use crate::argo::duration;
use crate::argo::expression::{self, Scope, StopFlag, golang};
use crate::argo::model::{Data, Http, Template};
use crate::argo::status::{NodeType, Outputs, Phase};
use crate::local::errand::{Answer, Errand, List, Request, Returned};
use crate::local::resolved::Resolved;

/// The exit code of Argo's executor where its own work fails.
const NOT_RUN: &str = "64";

impl Scheduler {
    /// Begins the work of an http or data template.
    pub(super) fn start_errand(&mut self, node: NodeIndex, template: &Arc<Template>) {
        if self.stop.was_ordered(self.nodes.frame(node).on_exit) {
            let message = self.end_of_errand(node);
            return self.finish(node, Phase::Failed, &message);
        }
        let errand = match (&template.http, &template.data) {
            (Some(http), _) => request(http, &self.plan).map(Errand::Request),
            (None, Some(data)) => self.list(data).map(Errand::List),
            (None, None) => return,
        };
        let errand = match errand {
            Ok(errand) => errand,
            Err(why) => return self.finish(node, Phase::Failed, &why),
        };

        self.nodes.frame_mut(node).body = Body::Errand;
        self.nodes.frame_mut(node).began = self.now.elapsed;
        if matches!(errand, Errand::List(_)) {
            self.nodes.set(node, Phase::Running, "");
            self.nodes[node].host_node_name = Some("localhost".to_owned());
        }
        self.actions.push(Action::Errand(node, Box::new(errand)));
        match template.timeout.as_deref().filter(|text| !text.is_empty()).map(duration::parse) {
            Some(Ok(limit)) => self.wake(limit, Timer::Deadline(node)),
            Some(Err(error)) => self.raise(node, &error.to_string()),
            None => {}
        }
    }

    fn list(&self, data: &Data) -> Result<List, String> {
        let location = data.source.artifact_paths.as_ref().and_then(|artifact| artifact.s3.as_ref());
        let location = location.ok_or("unable to process data source: no valid source is used for data template")?;
        let key = location.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
        let elsewhere = self.own_keys.below(&key);
        Ok(List { store: self.plan.run_directory.join(ARTIFACTS), key, elsewhere })
    }

    /// Ends an errand before it is done.
    pub(super) fn end_errand(&mut self, node: NodeIndex, kill: Kill) {
        let on_exit = self.nodes.frame(node).on_exit;
        if !matches!(self.nodes.frame(node).body, Body::Errand) || (on_exit && kill == Kill::WorkflowDeadline) {
            return;
        }
        let message = match kill {
            Kill::Deadline if self.nodes[node].kind == NodeType::Http => "timeout".to_owned(),
            Kill::Deadline => "Pod was active on the node longer than the specified deadline".to_owned(),
            Kill::WorkflowDeadline | Kill::Shutdown => self.end_of_errand(node),
        };
        self.actions.push(Action::Kill(node, message.clone()));
        self.finish(node, Phase::Failed, &message);
    }

    /// Why an errand ends with the run: a request is no pod to Argo.
    fn end_of_errand(&self, node: NodeIndex) -> String {
        if self.nodes[node].kind == NodeType::Http { self.stop.of_unstarted() } else { self.stop.of_pod() }
    }

    /// What came of an errand.
    pub(super) fn returned(&mut self, node: NodeIndex, returned: Returned) {
        if self.nodes[node].phase.is_fulfilled() {
            return;
        }
        let Some(template) = self.nodes.frame(node).template.clone() else { return };
        let (phase, message, result) = match (returned, &template.http, &template.data) {
            (Returned::Answer(answer), Some(http), _) => judge(http, answer, self.scopes.stop()),
            (Returned::Files(files), _, Some(data)) => match transformed(data, &files, self.scopes.stop()) {
                Ok(result) => (Phase::Succeeded, String::new(), Some(result)),
                Err(why) => (Phase::Failed, not_processed(&why), None),
            },
            (Returned::Failed(why), Some(_), _) => (Phase::Failed, why, None),
            (Returned::Failed(why), ..) => {
                let why = format!("unable to process data source: unable to source artifact paths: {why}");
                (Phase::Failed, not_processed(&why), None)
            }
            (Returned::Answer(_) | Returned::Files(_), ..) => return,
        };
        let exit_code = template.data.is_some().then(|| if result.is_some() { "0" } else { NOT_RUN }.to_owned());
        if result.is_some() || exit_code.is_some() {
            self.nodes[node].outputs = Some(Outputs { result, exit_code, ..Outputs::default() });
        }
        self.finish(node, phase, &message);
    }
}

/// What the container of a data template says that fails.
fn not_processed(why: &str) -> String {
    format!("main: Error (exit code {NOT_RUN}): unable to process data template: {why}")
}

fn request(http: &Http, plan: &Resolved) -> Result<Request, String> {
    let mut headers = Vec::new();
    for header in &http.headers {
        let secret = header.value_from.as_ref().and_then(|source| source.secret_key_ref.as_ref());
        let value = match secret {
            None => header.value.clone().unwrap_or_default(),
            Some(key) => {
                let secret = plan.secrets.get(&key.name);
                let secret = secret.ok_or_else(|| format!("secret {:?} not found in the given files", key.name))?;
                let value = secret.get(&key.key).cloned();
                value.ok_or_else(|| format!("secret '{}' does not have the key '{}'", key.name, key.key))?
            }
        };
        headers.push((header.name.clone(), value));
    }
    let body = match &http.body_from {
        None => http.body.clone().unwrap_or_default().into_bytes(),
        Some(source) => bytes(source.bytes.as_deref().unwrap_or_default())?,
    };
    let seconds = http.timeout_seconds.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
    let method = if http.method.is_empty() { "GET" } else { &http.method };
    Ok(Request {
        method: method.to_owned(),
        url: http.url.clone(),
        headers,
        body,
        timeout: seconds,
        insecure: http.insecure_skip_verify,
    })
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(text);
    decoded.map_err(|error| format!("bodyFrom.bytes: expected base64: {error}"))
}

/// How an http node ends that was answered.
fn judge(http: &Http, answer: Answer, stop: &StopFlag) -> (Phase, String, Option<String>) {
    if http.success_condition.is_empty() {
        return if (200..300).contains(&answer.status) {
            (Phase::Succeeded, String::new(), Some(answer.body))
        } else {
            (Phase::Failed, format!("received non-2xx response code: {}", answer.status), Some(answer.body))
        };
    }
    let condition = &http.success_condition;
    match holds(http, &answer, stop) {
        Ok(true) => (Phase::Succeeded, String::new(), Some(answer.body)),
        Ok(false) => (Phase::Failed, format!("successCondition '{condition}' evaluated false"), Some(answer.body)),
        Err(why) => (Phase::Failed, why, None),
    }
}

fn holds(http: &Http, answer: &Answer, stop: &StopFlag) -> Result<bool, String> {
    let mut variables = Scope::stopped_by(stop);
    let own = http.headers.iter().filter(|header| header.value_from.is_none());
    let own = own.map(|header| (header.name.clone(), json!([header.value.clone().unwrap_or_default()])));
    variables.set(
        "request",
        json!({
            "method": http.method,
            "url": http.url,
            "body": http.body.clone().unwrap_or_default(),
            "bodyBytes": http.body_from.as_ref().and_then(|source| bytes(source.bytes.as_deref()?).ok()),
            "headers": own.collect::<Map<_, _>>(),
        }),
    );
    let headers = response_headers(&answer.headers);
    variables.set("response", json!({"statusCode": answer.status, "body": answer.body, "headers": headers}));

    let condition = &http.success_condition;
    let value = expression::evaluate(condition, &variables)
        .map_err(|error| format!("unable to evaluate expression '{condition}': {error}"))?;
    let printed = || format!("unable to cast expression result '{}' to bool", golang::display(&value));
    value.as_bool().ok_or_else(printed)
}

/// Headers as Go's map of them: `Content-Type` and its like, each with all of its values.
fn response_headers(headers: &[(String, String)]) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in headers {
        let values = all.entry(canonical(name)).or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.push(value.clone().into());
        }
    }
    all
}

fn canonical(name: &str) -> String {
    let part = |part: &str| {
        let (first, rest) = part.split_at(part.len().min(1));
        first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

/// The result of a data template: the list after all of its transformations, as JSON.
fn transformed(data: &Data, files: &[String], stop: &StopFlag) -> Result<String, String> {
    // Go writes a list that never had an element as null.
    let mut value = if files.is_empty() { Value::Null } else { json!(files) };
    for (place, step) in data.transformation.iter().enumerate().filter(|(_, step)| !step.expression.is_empty()) {
        let mut variables = Scope::stopped_by(stop);
        variables.set("data", if value.is_null() { json!([]) } else { value });
        value = expression::evaluate(&step.expression, &variables).map_err(|error| {
            format!("unable to process data transformation: error processing data step {place}: {error}")
        })?;
    }
    Ok(golang::json(&value))
}
