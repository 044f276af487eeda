//! A whole document: the workflow's arguments and metadata, then each template from the entrypoint on. (validate.Workflow)

use serde_json::{Map, Value, json};

use super::checker::{At, Checker, DOCUMENT};
use super::cron;
use super::finding::{Finding, Rule};
use super::outputs::has_parameter;
use super::read::{at, get, is_true, items, list, scalar, text};
use super::template::Arguments;
use super::{Known, Options};
use crate::argo::document::Kind;

/// What is known in every workflow. (newTemplateValidationCtx, Workflow)
const GLOBALS: [&str; 10] = [
    "workflow.name",
    "workflow.namespace",
    "workflow.mainEntrypoint",
    "workflow.serviceAccountName",
    "workflow.uid",
    "workflow.annotations",
    "workflow.annotations.json",
    "workflow.labels",
    "workflow.labels.json",
    "workflow.status",
];

/// What the workflow is made from by `workflowTemplateRef`.
struct Made<'a> {
    base: usize,
    spec: &'a Value,
}

/// Checks the workflow in a document, or the workflow that a template or CronWorkflow would make.
pub(super) fn check<'a>(
    document: &'a Value,
    kind: Kind,
    pointer: &'static str,
    known: Known<'a>,
    options: &'a Options,
) -> Vec<Finding> {
    const NONE: &Value = &Value::Null;
    let spec = document.pointer(pointer).unwrap_or(NONE);
    let mut checker = Checker::new(spec, pointer, known, options);
    checker.lenient = matches!(kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate);
    if kind == Kind::CronWorkflow {
        cron::check(&mut checker, document);
    }
    checker.workflow(document, kind, spec);
    checker.findings
}

impl<'a> Checker<'a> {
    fn workflow(&mut self, document: &'a Value, kind: Kind, spec: &'a Value) {
        let at = self.spec_at(0);
        // Otherwise nothing is known of its templates and parameters.
        let Ok(made) = self.made(spec, &at) else { return };
        self.field_names(list(spec, "templates"), "template", &at.field("templates"));
        self.executor_plugins(spec, &at);
        let arguments = merged(spec, made.as_ref());
        let may_lack_values = self.options.may_lack_values || self.lenient;
        self.arguments(&arguments, &at.field("arguments"), may_lack_values);
        self.set_globals(document, kind, spec, made.as_ref(), &arguments);
        self.entrypoint(spec, made.as_ref(), &arguments, &at);
        self.on_exit(spec, made.as_ref(), &at);
        self.hooks(spec, &at);
        self.pod_gc(spec, &at);
        if let Some(resources) = get(spec, "podResources") {
            self.pod_resources(resources, &at.field("podResources"));
        }

        let (base, templates) = match &made {
            Some(made) => (made.base, list(made.spec, "templates")),
            None => (0, list(spec, "templates")),
        };
        for template in templates {
            let name = text(template, "name");
            if let Some((template, place)) = self.template_of(base, name) {
                self.template(template, &place, Arguments::Any, &place);
            }
        }
        self.plausible_spec(spec, &at);
    }

    /// What the workflow is made from. (WorkflowTemplateRefFields)
    fn made(&mut self, spec: &'a Value, at: &At) -> Result<Option<Made<'a>>, ()> {
        let Some(reference) = get(spec, "workflowTemplateRef") else { return Ok(None) };
        if !list(spec, "templates").is_empty() {
            let message =
                "a workflow that is made from a template by `workflowTemplateRef` has no `templates` of its own";
            self.error(Rule::TemplateRef, &at.field("templates"), message);
        }
        let (name, cluster_scope) = (text(reference, "name"), is_true(reference, "clusterScope"));
        let Some(base) = self.base(name, cluster_scope) else {
            let kind = if cluster_scope { "ClusterWorkflowTemplate" } else { "WorkflowTemplate" };
            self.unknown_object(&at.path(&["workflowTemplateRef", "name"]), format!("{kind} `{name}` is not known"));
            return Err(());
        };
        Ok(Some(Made { base, spec: self.bases[base].spec }))
    }

    fn set_globals(&mut self, document: &Value, kind: Kind, spec: &Value, made: Option<&Made<'a>>, arguments: &Value) {
        for name in GLOBALS {
            self.set_global(name.to_owned(), None);
        }
        let parameters = list(arguments, "parameters");
        if !parameters.is_empty() {
            self.set_global("workflow.parameters".to_owned(), None);
            self.set_global("workflow.parameters.json".to_owned(), None);
        }
        for parameter in parameters.iter().filter(|parameter| !text(parameter, "name").is_empty()) {
            let name = format!("workflow.parameters.{}", text(parameter, "name"));
            self.set_global(name, scalar(parameter, "value"));
        }
        for name in self.options.added_parameters {
            self.globals.entry(format!("workflow.parameters.{name}")).or_insert_with(|| self.placeholders.next());
        }
        for (side, field) in [("annotations", "annotations"), ("labels", "labels"), ("labels", "labelsFrom")] {
            let metadata = match kind {
                Kind::CronWorkflow => at(document, &["spec", "workflowMetadata", field]),
                _ => at(document, &["metadata", field]),
            };
            let own = at(spec, &["workflowMetadata", field]);
            let of_template = made.and_then(|made| at(made.spec, &["workflowMetadata", field]));
            for key in
                [metadata, own, of_template].into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys)
            {
                self.set_global(format!("workflow.{side}.{key}"), None);
            }
        }
        if kind == Kind::CronWorkflow {
            self.set_global("workflow.annotations.workflows.argoproj.io/scheduled-time".to_owned(), None);
            self.set_global("workflow.labels.workflows.argoproj.io/cron-workflow".to_owned(), None);
        }
        if let Some(priority) = get(spec, "priority") {
            self.set_global("workflow.priority".to_owned(), Some(priority.to_string()));
        }
    }

    fn set_global(&mut self, name: String, value: Option<String>) {
        let value = value.unwrap_or_else(|| self.placeholder());
        self.globals.insert(name, value);
    }

    fn entrypoint(&mut self, spec: &Value, made: Option<&Made<'a>>, arguments: &Value, at: &At) {
        let own = text(spec, "entrypoint");
        let name = match made {
            Some(made) if own.is_empty() => text(made.spec, "entrypoint"),
            _ => own,
        };
        if name.is_empty() {
            // Templates may leave it to their workflows.
            if !self.lenient {
                let only = match list(spec, "templates") {
                    [only] => Some(format!("write `entrypoint: {}`", text(only, "name"))),
                    _ => None,
                };
                self.error_with(Rule::Entrypoint, at, "`entrypoint` has to name the template to begin with", only);
            }
            return;
        }
        let given = if self.lenient { Arguments::Any } else { Arguments::Given(arguments) };
        let place = if own.is_empty() { at.field("workflowTemplateRef") } else { at.field("entrypoint") };
        self.of_spec(name, made, &place, given);
    }

    /// The template that runs when the workflow has ended.
    fn on_exit(&mut self, spec: &Value, made: Option<&Made<'a>>, at: &At) {
        let own = text(spec, "onExit");
        let name = match made {
            Some(made) if own.is_empty() => text(made.spec, "onExit"),
            _ => own,
        };
        if name.is_empty() {
            return;
        }
        self.set_global("workflow.failures".to_owned(), None);
        let specs = [Some(spec), made.map(|made| made.spec)];
        let templates = specs.into_iter().flatten().flat_map(|spec| list(spec, "templates"));
        let mut artifacts = templates.flat_map(|template| items(template, &["outputs", "artifacts"]));
        self.any_global_artifact |= artifacts.any(|artifact| has_parameter(text(artifact, "globalName")));
        let place = if own.is_empty() { at.field("workflowTemplateRef") } else { at.field("onExit") };
        let arguments = get(spec, "arguments").unwrap_or(&Value::Null);
        self.of_spec(name, made, &place, Arguments::Given(arguments));
    }

    /// A template of the workflow, or of what it is made from, where a name with a tag tells nothing. (ToTemplateRef,
    /// VerifyResolvedVariables)
    fn of_spec(&mut self, name: &str, made: Option<&Made<'a>>, field: &At, arguments: Arguments<'_>) {
        match made {
            Some(_) if name.contains("{{") => {}
            Some(made) => self.begins_with(made.base, name, field, arguments),
            None => self.begins_with(DOCUMENT, name, field, arguments),
        }
    }

    /// (workflow_types.go, AsExecutorPluginSpec; pkg/plugins/spec/plugin_types.go, Validate)
    fn executor_plugins(&mut self, spec: &Value, place: &At) {
        for (index, plugin) in list(spec, "executorPlugins").iter().enumerate() {
            let place = place.field("executorPlugins").index(index);
            let container = at(plugin, &["spec", "sidecar", "container"]).unwrap_or(&Value::Null);
            let has = |path: &[&str]| at(container, path).is_some();
            let missing = [
                ("metadata.name", at(plugin, &["metadata", "name"]).is_some()),
                ("ports", !list(container, "ports").is_empty()),
                ("resources.requests", has(&["resources", "requests"])),
                ("resources.limits", has(&["resources", "limits"])),
                ("securityContext", has(&["securityContext"])),
            ];
            for (field, _) in missing.iter().filter(|(_, has)| !has) {
                self.error(Rule::Required, &place, format!("an executor plugin needs `{field}`"));
            }
        }
    }
}

/// The workflow's arguments over those of what it is made from. (util/util.go, MergeParameters, MergeArtifacts)
fn merged(spec: &Value, made: Option<&Made<'_>>) -> Value {
    let own = get(spec, "arguments").cloned().unwrap_or(Value::Null);
    let Some(made) = made else { return own };
    let merge = |side: &str| {
        let mut merged: Vec<Value> = Vec::new();
        for argument in items(&own, &[side]).iter().chain(items(made.spec, &["arguments", side])) {
            if !merged.iter().any(|before| text(before, "name") == text(argument, "name")) {
                merged.push(argument.clone());
            }
        }
        merged
    };
    json!({"parameters": merge("parameters"), "artifacts": merge("artifacts")})
}
