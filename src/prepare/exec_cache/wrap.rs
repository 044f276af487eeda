//! Puts `exec` round the commands of memoized templates.

use serde_json::{Value, json};

use super::{
    BRING, CERTIFICATES, CERTIFICATES_VARIABLE, DIRECTORY, ExecCache, MORE_CERTIFICATES, PROGRAM, REPORT, VARIABLES,
    VOLUME,
};
use crate::argo::document::any_string;
use crate::argo::entry_report::PARAMETER;
use crate::argo::shared_keys::cache_of;
use crate::argo::template::{Template, TemplateType, at, field, list, text};
use crate::argo::workflow_spec::{templates, templates_mut};
use crate::prepare::memoize::is_ours;
use crate::prepare::reason::Reason;
use crate::prepare::warnings::Notice;
use crate::prepare::{PrepareError, list_field, object_field};

/// Wraps the templates that prepare has memoized. Those that call others have nothing to wrap and lose their memoize; those
/// of other types keep it.
pub(in crate::prepare) fn wrap(
    spec: &mut Value,
    cache: &ExecCache,
    notices: &mut Vec<Notice>,
) -> Result<(), PrepareError> {
    // In a list of all outputs of a loop the report would be one of them, and it differs in each attempt.
    let reports = !templates(spec).any(|template| reads_all_outputs(template.value()));
    for template in templates_mut(spec).filter(|template| is_ours(template)) {
        let kind = Template::new(template).template_type();
        let container = match kind {
            Some(TemplateType::Container) => "container",
            Some(TemplateType::Script) => "script",
            Some(kind) if kind.is_nested() => {
                remove_memoize(template);
                continue;
            }
            _ => continue,
        };
        let Some(memoize) = remove_memoize(template) else { continue };
        let has_command = !list(at(template, &[container, "command"])).is_empty();
        if !has_command {
            let template = text(template, "name").to_owned();
            notices.push(Notice::NotMemoized { template, reason: Reason::NoCommand });
            continue;
        }
        let command = Command { cache, memoize: &memoize, reports };
        wrap_template(template, container, &command)?;
    }
    Ok(())
}

fn remove_memoize(template: &mut Value) -> Option<Value> {
    template.as_object_mut()?.shift_remove("memoize")
}

/// Whether a text reads all output parameters of a node at once: `outputs.parameters` with no name behind it.
fn reads_all_outputs(value: &Value) -> bool {
    const ALL: &str = ".outputs.parameters";
    match value {
        Value::String(text) => text.match_indices(ALL).any(|(at, _)| {
            let rest = text[at + ALL.len()..].trim_start();
            !rest.starts_with(['.', '['])
        }),
        Value::Array(items) => items.iter().any(reads_all_outputs),
        Value::Object(fields) => fields.values().any(reads_all_outputs),
        _ => false,
    }
}

/// What goes before the command of a template.
struct Command<'a> {
    cache: &'a ExecCache,
    memoize: &'a Value,
    /// Whether the program's report becomes an output parameter.
    reports: bool,
}

impl Command<'_> {
    /// The words. Their tags are evaluated as those of a memoize key are: in the template's scope, with `node.name`
    /// (workflow/controller/operator.go, executeTemplate, v4.1.2).
    fn words(&self, template: &Value) -> Vec<String> {
        let memoize = self.memoize;
        let mut words = vec![
            PROGRAM.to_owned(),
            "exec".to_owned(),
            format!("--store={}", self.cache.store),
            format!("--cache={}", cache_of(memoize).unwrap_or_default()),
            format!("--key={}", text(memoize, "key")),
        ];
        let max_age = text(memoize, "maxAge");
        words.extend((!max_age.is_empty()).then(|| format!("--max-age={max_age}")));
        words.extend(outputs(template));
        words.extend(self.reports.then(|| format!("--report={REPORT}")));
        words.extend([
            "--workflow={{workflow.name}}".to_owned(),
            "--workflow-uid={{workflow.uid}}".to_owned(),
            "--node={{node.name}}".to_owned(),
            format!("--template={}", text(template, "name")),
            "--".to_owned(),
        ]);
        words
    }
}

/// The flags that declare a template's outputs.
fn outputs(template: &Value) -> Vec<String> {
    let mut flags = Vec::new();
    for parameter in list(at(template, &["outputs", "parameters"])) {
        let Some(source) = field(parameter, "valueFrom") else { continue };
        let (name, path) = (text(parameter, "name"), text(source, "path"));
        if path.is_empty() {
            continue;
        }
        flags.push(format!("--output-parameter={name}={path}"));
        let default = field(source, "default").filter(|default| !default.is_null()).and_then(any_string);
        flags.extend(default.map(|default| format!("--output-parameter-default={name}={default}")));
    }
    for artifact in list(at(template, &["outputs", "artifacts"])) {
        let (name, path) = (text(artifact, "name"), text(artifact, "path"));
        let optional = field(artifact, "optional").and_then(Value::as_bool).unwrap_or(false);
        let mark = if optional { "?" } else { "" };
        if !path.is_empty() {
            flags.push(format!("--output={name}{mark}={path}"));
        }
    }
    flags
}

fn wrap_template(template: &mut Value, container: &str, command: &Command<'_>) -> Result<(), PrepareError> {
    let words = command.words(template);
    let Some(fields) = template.as_object_mut() else { return Ok(()) };
    let wrapped = object_field(fields, container, container)?;
    let own = wrapped.get("command").and_then(Value::as_array).cloned().unwrap_or_default();
    wrapped.insert("command".to_owned(), words.into_iter().map(Value::from).chain(own).collect());
    list_field(wrapped, "volumeMounts")?.push(mount());
    list_field(wrapped, "env")?.push(json!({"name": CERTIFICATES_VARIABLE, "value": CERTIFICATES}));
    if let Some(secret) = &command.cache.secret {
        list_field(wrapped, "envFrom")?.push(json!({"prefix": VARIABLES, "secretRef": {"name": secret}}));
    }
    let security = wrapped.get("securityContext").filter(|context| context.is_object()).cloned();

    list_field(fields, "volumes")?.push(json!({"name": VOLUME, "emptyDir": {}}));
    list_field(fields, "initContainers")?.push(init_container(command.cache, security));
    if command.reports {
        let outputs = object_field(fields, "outputs", "outputs of a template")?;
        let source = json!({"path": REPORT, "default": ""});
        list_field(outputs, "parameters")?.push(json!({"name": PARAMETER, "valueFrom": source}));
    }
    Ok(())
}

fn mount() -> Value {
    json!({"name": VOLUME, "mountPath": DIRECTORY})
}

/// The container that brings the program and the certificates. It has main's rights, and little of the node.
fn init_container(cache: &ExecCache, security: Option<Value>) -> Value {
    let mut container = json!({
        "name": VOLUME,
        "image": cache.image,
        "command": [cache.program, BRING, DIRECTORY],
        "volumeMounts": [mount()],
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "500m", "memory": "128Mi"},
        },
    });
    if let Some(certificates) = &cache.certificates {
        container["env"] = json!([{"name": MORE_CERTIFICATES, "value": certificates}]);
    }
    if let Some(security) = security {
        container["securityContext"] = security;
    }
    container
}
