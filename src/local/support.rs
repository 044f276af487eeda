//! What of a workflow this machine can carry out: what only a cluster uses is ignored, what would change the result
//! is refused before anything starts. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::resolved::{Plan, Reference, TemplateScope};
use super::scheduler::image_program;
use crate::argo::Metadata;
use crate::argo::call::CallSite;
use crate::argo::duration;
use crate::argo::expression::depends;
use crate::argo::model::{Hook, Step, Template};
use crate::argo::template;
use crate::argo::workflow_spec;

/// What the run does without, and what keeps it from starting.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Support {
    /// Fields that apply only to a cluster, by name.
    pub passed_over: BTreeSet<String>,
    /// What keeps the run from starting.
    pub refused: Vec<Refusal>,
    /// Programs that containers without a command stand for, with the template: the image's entrypoint is not known here.
    pub image_programs: BTreeSet<(String, String)>,
}

/// A field that keeps the run from starting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    /// The object that holds it.
    pub scope: String,
    /// The field as a JSON pointer.
    pub pointer: String,
    /// Why.
    pub why: String,
}

const SPEC_PASSED_OVER: &[&str] = &[
    "affinity",
    "archiveLogs",
    "artifactGC",
    "artifactRepositoryRef",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "executor",
    "hostAliases",
    "hostNetwork",
    "imagePullSecrets",
    "metrics",
    "nodeSelector",
    "podDisruptionBudget",
    "podGC",
    "podMetadata",
    "podPriority",
    "podPriorityClassName",
    "podSpecPatch",
    "priority",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
    "ttlStrategy",
    "volumeClaimGC",
];
const TEMPLATE_PASSED_OVER: &[&str] = &[
    "affinity",
    "archiveLocation",
    "automountServiceAccountToken",
    "executor",
    "hostAliases",
    "metadata",
    "metrics",
    "nodeSelector",
    "podSpecPatch",
    "priority",
    "priorityClassName",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
];
const CONTAINER_PASSED_OVER: &[&str] = &[
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "startupProbe",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
];
/// What a local run honours of a container's `securityContext`.
const SECURITY_HONOURED: &[&str] = &["allowPrivilegeEscalation", "capabilities", "privileged"];
const ARTIFACT_SOURCES: &[&str] = &["artifactory", "azure", "gcs", "git", "hdfs", "http", "oss", "plugin", "s3"];
const VOLUMES: &[&str] = &["configMap", "downwardAPI", "emptyDir", "secret"];

/// Looks through the templates that the run can reach.
pub(crate) fn survey(plan: &Plan) -> Support {
    let mut survey = Survey { plan, support: Support::default(), seen: HashSet::new() };
    survey.spec();
    survey.support.refused.sort();
    survey.support.refused.dedup();
    survey.support
}

struct Survey<'a> {
    plan: &'a Plan,
    support: Support,
    seen: HashSet<(TemplateScope, String)>,
}

/// Where in which object a value stands.
#[derive(Clone)]
struct At {
    scope: TemplateScope,
    pointer: String,
}

impl At {
    fn field(&self, name: impl std::fmt::Display) -> Self {
        Self { scope: self.scope.clone(), pointer: format!("{}/{name}", self.pointer) }
    }
}

impl Survey<'_> {
    fn refuse(&mut self, at: &At, why: impl Into<String>) {
        let scope = match &at.scope {
            TemplateScope::Local => "workflow".to_owned(),
            TemplateScope::Namespaced(name) => format!("workflowtemplate {name:?}"),
            TemplateScope::Cluster(name) => format!("clusterworkflowtemplate {name:?}"),
        };
        self.support.refused.push(Refusal { scope, pointer: at.pointer.clone(), why: why.into() });
    }

    fn pass_over(&mut self, holder: &Value, fields: &[&str]) {
        let set = |value: &Value| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty());
        let present = fields.iter().filter(|field| holder.get(**field).is_some_and(set));
        self.support.passed_over.extend(present.map(|field| (*field).to_owned()));
    }

    fn spec(&mut self) {
        let plan = self.plan;
        let spec = &plan.spec;
        let at = At { scope: TemplateScope::Local, pointer: "/spec".to_owned() };
        self.pass_over(spec, SPEC_PASSED_OVER);
        for (place, artifact) in
            spec.pointer("/arguments/artifacts").and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            self.artifact_source(&at.field("arguments/artifacts").field(place), artifact);
        }
        match Some(workflow_spec::entrypoint(spec)).filter(|name| !name.is_empty()) {
            Some(name) => self.call(&at.field("entrypoint"), &Reference::Name(name.to_owned())),
            None => self.refuse(&at, "spec.entrypoint is missing: expected the name of the template to begin with"),
        }
        if let Some(name) = spec["onExit"].as_str().filter(|name| !name.is_empty()) {
            self.call(&at.field("onExit"), &Reference::Name(name.to_owned()));
        }
        self.hooks(&at.field("hooks"), &spec["hooks"]);
    }

    fn call(&mut self, at: &At, reference: &Reference) {
        match self.plan.resolve(reference, &at.scope) {
            Err(why) => self.refuse(at, why),
            Ok((scope, template)) => {
                let name = template["name"].as_str().unwrap_or_default().to_owned();
                let inline = matches!(reference, Reference::Inline(_));
                if inline {
                    self.template(&at.field("inline"), &template);
                } else if self.seen.insert((scope.clone(), name.clone())) {
                    let place = self.plan.place(&scope, &name);
                    let template = self.with_defaults(&template);
                    self.template(&At { scope, pointer: workflow_spec::template_pointer(place) }, &template);
                }
            }
        }
    }

    fn with_defaults(&self, template: &Value) -> Value {
        match self.plan.spec.get("templateDefaults") {
            Some(defaults) if defaults.is_object() => crate::argo::defaults::with_defaults(template, defaults),
            _ => template.clone(),
        }
    }

    fn hooks(&mut self, at: &At, hooks: &Value) {
        for (event, document) in hooks.as_object().into_iter().flatten() {
            let at = at.field(event);
            match serde_json::from_value::<Hook>(document.clone()) {
                Ok(hook) => {
                    if event != "exit" && hook.expression.is_empty() {
                        self.refuse(&at, format!("hook {event:?} needs an expression"));
                    }
                    self.call(&at, &Reference::from(&hook));
                }
                Err(error) => self.refuse(&at, error.to_string()),
            }
        }
    }

    fn template(&mut self, at: &At, template: &Value) {
        self.pass_over(template, TEMPLATE_PASSED_OVER);
        for kind in ["resource", "http", "data", "plugin"] {
            if template.get(kind).is_some() {
                return self.refuse(&at.field(kind), format!("a {kind} template needs a cluster"));
            }
        }
        if template["daemon"] == true {
            self.refuse(&at.field("daemon"), "a daemon template needs a cluster");
        }
        let view: Template = match serde_json::from_value(template.clone()) {
            Ok(view) => view,
            Err(error) => return self.refuse(at, error.to_string()),
        };
        if view.template_type().is_none() {
            return self
                .refuse(at, format!("template {:?} has no container, script, steps, dag or suspend", view.name));
        }
        if let Some(suspend) = &view.suspend {
            match suspend.duration.as_deref() {
                Some(text) if !text.contains("{{") && duration::parse(text).is_err() => {
                    self.refuse(&at.field("suspend/duration"), format!("{text:?} is no duration such as 10s or 5m"));
                }
                _ => {}
            }
        }
        self.artifacts(at, template);
        self.containers(at, template, &view);
        self.steps(at, template);
        self.dag(at, template);
    }

    fn artifacts(&mut self, at: &At, template: &Value) {
        for (place, artifact) in list(template, "/inputs/artifacts").iter().enumerate() {
            self.artifact_source(&at.field("inputs/artifacts").field(place), artifact);
        }
        for (place, artifact) in list(template, "/outputs/artifacts").iter().enumerate() {
            let name = artifact["name"].as_str().unwrap_or_default();
            // A name with a tag is held to the same rule once it is known.
            if !name.contains("{{") && !is_plain_name(name) {
                self.refuse(
                    &at.field("outputs/artifacts").field(place),
                    "an artifact's name has letters, digits, '-' and '_' only",
                );
            }
            if let Some(source) = ARTIFACT_SOURCES.iter().find(|source| artifact.get(**source).is_some()) {
                self.support.passed_over.insert(format!("outputs.artifacts.{source}"));
            }
        }
    }

    fn artifact_source(&mut self, at: &At, artifact: &Value) {
        if let Some(source) = ARTIFACT_SOURCES.iter().find(|source| artifact.get(**source).is_some()) {
            self.refuse(
                &at.field(source),
                format!("artifacts from {source} need a cluster; locally, use raw or another step's output"),
            );
        }
    }

    fn containers(&mut self, at: &At, template: &Value, view: &Template) {
        if template.pointer("/containerSet/retryStrategy").is_some() {
            self.refuse(&at.field("containerSet/retryStrategy"), "retries within a containerSet need a cluster");
        }
        let lists = [
            ("initContainers", "/initContainers"),
            ("sidecars", "/sidecars"),
            ("containerSet/containers", "/containerSet/containers"),
        ];
        let mut containers: Vec<(At, Value)> = Vec::new();
        for field in ["container", "script"] {
            containers.extend(template.get(field).map(|container| (at.field(field), container.clone())));
        }
        for (field, pointer) in lists {
            containers.extend(
                list(template, pointer)
                    .iter()
                    .enumerate()
                    .map(|(place, container)| (at.field(field).field(place), container.clone())),
            );
        }
        for (at, container) in containers {
            self.pass_over(&container, CONTAINER_PASSED_OVER);
            let context = container["securityContext"].as_object().into_iter().flatten();
            let ignored = context.map(|(field, _)| field).filter(|field| !SECURITY_HONOURED.contains(&field.as_str()));
            self.support.passed_over.extend(ignored.map(|field| format!("securityContext.{field}")));
            let has_command = !list(&container, "/command").is_empty();
            let image = container["image"].as_str().unwrap_or_default();
            if !has_command && container.get("source").is_none() && !image.contains("{{") {
                match image_program(image) {
                    Ok(program) => {
                        self.support.image_programs.insert((program, view.name.clone()));
                    }
                    Err(why) => self.refuse(&at.field("command"), why),
                }
            }
            for (place, mount) in list(&container, "/volumeMounts").iter().enumerate() {
                self.volume(&at.field("volumeMounts").field(place), mount, template);
            }
        }
    }

    fn volume(&mut self, at: &At, mount: &Value, template: &Value) {
        let name = mount["name"].as_str().unwrap_or_default();
        let claims = list(&self.plan.spec, "/volumeClaimTemplates");
        if claims.iter().any(|claim| Metadata::of(claim).name() == name) {
            return;
        }
        let of_spec = list(&self.plan.spec, "/volumes");
        let volume =
            list(template, "/volumes").iter().chain(of_spec).find(|volume| volume["name"].as_str() == Some(name));
        match volume {
            // A name that is only known when the step starts is looked up then.
            None if name.contains("{{") => {}
            None => self.refuse(at, format!("volume {name:?} is mounted but not declared")),
            Some(volume) if VOLUMES.iter().any(|kind| volume.get(*kind).is_some()) => {}
            Some(volume) if volume.get("projected").is_some() => {
                let token = list(volume, "/projected/sources").iter().filter_map(|source| source.as_object()).flatten();
                let foreign = token.map(|(kind, _)| kind).find(|kind| !VOLUMES.contains(&kind.as_str()));
                if let Some(kind) = foreign {
                    self.refuse(at, format!("volume {name:?}: {kind} needs a cluster"));
                }
            }
            Some(volume) => {
                let kind = volume.as_object().and_then(|fields| fields.keys().find(|field| *field != "name")).cloned();
                let kind = kind.unwrap_or_else(|| "of this kind".to_owned());
                self.refuse(at, format!("volume {name:?}: {kind} needs a cluster"));
            }
        }
    }

    fn steps(&mut self, at: &At, template: &Value) {
        let mut names = HashSet::new();
        for site in calls_of(template).filter(|site| site.group.is_some()) {
            let at = at.field(site.pointer());
            let Some(step) = self.step(&at, site.value) else { continue };
            if !names.insert(step.name.clone()) {
                self.refuse(&at.field("name"), format!("step {:?} is there twice", step.name));
            }
        }
    }

    fn step(&mut self, at: &At, document: &Value) -> Option<Step> {
        let step: Step = match serde_json::from_value(document.clone()) {
            Ok(step) => step,
            Err(error) => {
                self.refuse(at, error.to_string());
                return None;
            }
        };
        for (place, artifact) in list(document, "/arguments/artifacts").iter().enumerate() {
            self.artifact_source(&at.field("arguments/artifacts").field(place), artifact);
        }
        let reference = Reference::from(&step);
        let tagged = match &reference {
            Reference::Name(name) => name.contains("{{"),
            Reference::Object(object) => object.name.contains("{{") || object.template.contains("{{"),
            Reference::Inline(_) => false,
        };
        // A reference that is only known when the step starts is looked up then.
        if !tagged {
            self.call(&at.field("template"), &reference);
        }
        self.hooks(&at.field("hooks"), &document["hooks"]);
        if !step.on_exit.is_empty() {
            self.call(&at.field("onExit"), &Reference::Name(step.on_exit.clone()));
        }
        Some(step)
    }

    fn dag(&mut self, at: &At, template: &Value) {
        let mut needs: HashMap<String, Vec<String>> = HashMap::new();
        let mut tasks = Vec::new();
        for site in calls_of(template).filter(|site| site.group.is_none()) {
            let at = at.field(site.pointer());
            let Some(task) = self.step(&at, site.value) else { continue };
            let named: Vec<String> = if task.depends.is_empty() {
                task.dependencies.clone()
            } else {
                match depends::parse(&task.depends) {
                    Ok(depends) => depends.tasks().into_iter().map(str::to_owned).collect(),
                    Err(error) => {
                        self.refuse(&at.field("depends"), error.to_string());
                        continue;
                    }
                }
            };
            if needs.insert(task.name.clone(), named.clone()).is_some() {
                self.refuse(&at.field("name"), format!("task {:?} is there twice", task.name));
            }
            tasks.push((at, task.name, named));
        }
        for (at, name, named) in &tasks {
            if let Some(unknown) = named.iter().find(|need| !needs.contains_key(*need)) {
                self.refuse(at, format!("task {name:?} depends on {unknown:?}, which is no task of this dag"));
            }
        }
        if let Some(cycle) = cycle(&needs) {
            self.refuse(
                &at.field("dag/tasks"),
                format!("the tasks depend on each other in a circle: {}", cycle.join(" → ")),
            );
        }
    }
}

fn calls_of(template: &Value) -> impl Iterator<Item = CallSite<'_>> {
    template::Template::new(template).sites()
}

fn cycle(needs: &HashMap<String, Vec<String>>) -> Option<Vec<String>> {
    let mut left: HashMap<&str, usize> = needs.iter().map(|(name, needs)| (name.as_str(), needs.len())).collect();
    loop {
        let free: Vec<&str> = left
            .keys()
            .copied()
            .filter(|name| needs[*name].iter().all(|need| !left.contains_key(need.as_str())))
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    let mut name = left.keys().min()?.to_owned();
    let mut path = vec![name.to_owned()];
    loop {
        name = needs[name].iter().map(String::as_str).filter(|need| left.contains_key(need)).min()?;
        if let Some(start) = path.iter().position(|seen| seen == name) {
            path.push(name.to_owned());
            return Some(path.split_off(start));
        }
        path.push(name.to_owned());
    }
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
