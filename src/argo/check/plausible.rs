//! What Argo takes and what fails later, or is probably not meant.

use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::read::{at, get, items, list, text};
use super::template::makes_pod;

/// Ends of the names of what is secret.
const SECRETS: [&str; 9] =
    ["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "private_key", "secret_key"];

impl Checker<'_> {
    pub(super) fn plausible(&mut self, template: &Value, kind: &str, at: &At) {
        self.pod_name(template, kind, at);
        self.memoize(template, at);
        self.secrets_of(template, at);
        self.volumes(template, kind, at);
        for (pointer, call) in calls(template) {
            let at = At { base: at.base, pointer: format!("{}{pointer}", at.pointer) };
            self.handlers(call, &at);
        }
    }

    pub(super) fn plausible_spec(&mut self, spec: &Value, at: &At) {
        self.handlers_of_hooks(spec, at);
        self.secrets(items(spec, &["arguments", "parameters"]), "parameter", &at.path(&["arguments", "parameters"]));
    }

    /// Values that are written in the template itself: inputs, arguments of its calls, variables of its containers.
    fn secrets_of(&mut self, template: &Value, at: &At) {
        for path in [["inputs", "parameters"], ["container", "env"], ["script", "env"]] {
            let what = if path[1] == "env" { "variable" } else { "parameter" };
            self.secrets(items(template, &path), what, &at.path(&path));
        }
        for (pointer, call) in calls(template) {
            let at = At { base: at.base, pointer: format!("{}{pointer}/arguments/parameters", at.pointer) };
            self.secrets(items(call, &["arguments", "parameters"]), "parameter", &at);
        }
    }

    fn secrets(&mut self, named: &[Value], what: &str, at: &At) {
        for (index, one) in named.iter().enumerate() {
            let name = text(one, "name").to_ascii_lowercase().replace('-', "_");
            let is_secret = SECRETS.iter().any(|word| name.ends_with(word));
            let field = ["value", "default"].into_iter().find(|field| !text(one, field).is_empty());
            if let Some(field) = field.filter(|field| is_secret && !text(one, field).contains("{{")) {
                let message = format!(
                    "{what} `{}` seems to hold a secret, which everybody who may read the workflow sees",
                    text(one, "name")
                );
                let hint = "keep it in a Secret, and read it with `valueFrom.secretKeyRef` in env";
                self.warn(Rule::Secret, &at.index(index).field(field), message, Some(hint));
            }
        }
    }

    /// A pod's name is made of the template's, and Kubernetes takes no capitals. (workflow/util/pod_name.go, GeneratePodName)
    fn pod_name(&mut self, template: &Value, kind: &str, at: &At) {
        let name = text(template, "name");
        if makes_pod(kind) && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let message = format!("`{name}` becomes a part of a pod's name, which has to be in lower case");
            let hint = format!("write `{}`", name.to_ascii_lowercase());
            if self.options.local {
                self.error_with(Rule::PodName, &at.field("name"), message, Some(hint));
            } else {
                self.warn(Rule::PodName, &at.field("name"), message, Some(&hint));
            }
        }
    }

    /// A volume that is mounted is declared. (Kubernetes refuses the pod otherwise.)
    fn volumes(&mut self, template: &Value, kind: &str, place: &At) {
        if !makes_pod(kind) {
            return;
        }
        let spec = self.bases[place.base].spec;
        // The volumes of a workflow that calls a template of another object are the workflow's.
        if place.base != 0 || self.lenient {
            return;
        }
        let volumes = list(template, "volumes").iter().chain(list(spec, "volumes")).map(|volume| text(volume, "name"));
        let claims = list(spec, "volumeClaimTemplates").iter().filter_map(|claim| at(claim, &["metadata", "name"]));
        let known: Vec<&str> = volumes.chain(claims.filter_map(Value::as_str)).collect();
        for container in ["container", "script"] {
            for (index, mount) in items(template, &[container, "volumeMounts"]).iter().enumerate() {
                let name = text(mount, "name");
                if !name.contains("{{") && !known.contains(&name) {
                    let at = place.path(&[container, "volumeMounts"]).index(index).field("name");
                    self.warn(Rule::Volume, &at, format!("volume `{name}` is mounted and not declared"), None);
                }
            }
        }
    }

    /// Argo looks at the templates of handlers only when they run.
    fn handlers(&mut self, call: &Value, at: &At) {
        let name = text(call, "onExit");
        if !name.is_empty() && !name.contains("{{") && self.template_of(at.base, name).is_none() {
            let (message, hint) = self.no_template(at.base, name);
            self.warn(Rule::UnknownTemplate, &at.field("onExit"), message, hint.as_deref());
        }
        self.handlers_of_hooks(call, at);
    }

    fn handlers_of_hooks(&mut self, holder: &Value, at: &At) {
        if get(holder, "workflowTemplateRef").is_some() {
            return;
        }
        for (event, hook) in get(holder, "hooks").and_then(Value::as_object).into_iter().flatten() {
            let name = text(hook, "template");
            if !name.is_empty() && !name.contains("{{") && self.template_of(at.base, name).is_none() {
                let (message, hint) = self.no_template(at.base, name);
                self.warn(Rule::UnknownTemplate, &at.path(&["hooks", event, "template"]), message, hint.as_deref());
            }
        }
    }
}

/// The steps or tasks of a template, each with the pointer to it.
fn calls(template: &Value) -> Vec<(String, &Value)> {
    let groups = list(template, "steps").iter().enumerate();
    let steps = groups.flat_map(|(group, steps)| {
        steps
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .map(move |(index, step)| (format!("/steps/{group}/{index}"), step))
    });
    let tasks = items(template, &["dag", "tasks"]).iter().enumerate();
    steps.chain(tasks.map(|(index, task)| (format!("/dag/tasks/{index}"), task))).collect()
}
