//! What of a workflow this machine can carry out: what only a cluster uses is ignored, what would change the result
//! is refused before anything starts. Pure.

mod artifacts;
mod dag;
mod fields;

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;
use serde_json::Value;

use self::fields::{
    CONTAINER_PASSED_OVER, SECURITY_HONOURED, SECURITY_OF_IMAGES, SPEC_PASSED_OVER, TEMPLATE_PASSED_OVER, VOLUMES,
};
use super::resolved::{Reference, Resolved, TemplateScope};
use super::runtime::{Pull, Wanted};
use super::scheduler::image_program;
use super::stub::last_part;
use crate::argo::Metadata;
use crate::argo::call::CallSite;
use crate::argo::document::join;
use crate::argo::duration;
use crate::argo::model::{Hook, Step, Template};
use crate::argo::template;
use crate::argo::workflow_spec;
use crate::cache::BucketKind;

/// What the run does without, and what keeps it from starting.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Support {
    /// Fields that apply only to a cluster, by name.
    pub(crate) passed_over: BTreeSet<String>,
    /// What keeps the run from starting.
    pub(crate) refused: Vec<Refusal>,
    /// Stubs of which no template and no node has the name.
    pub(crate) unknown_stubs: Vec<String>,
    /// Programs that containers without a command stand for, with the template: the image's entrypoint is not known here.
    pub(crate) image_programs: BTreeSet<(String, String)>,
    /// The images of containers, where these run in them.
    pub(crate) images: BTreeSet<Wanted>,
    /// Artifacts whose Secret is not known here, by the service for which the environment has to have credentials.
    pub(crate) unknown_secrets: Vec<(BucketKind, Refusal)>,
    /// Whether artifacts come from git.
    pub(crate) uses_git: bool,
}

/// A field that keeps the run from starting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    /// The object that holds it.
    pub(crate) scope: String,
    /// The field as a JSON pointer.
    pub(crate) pointer: String,
    /// Why.
    pub(crate) why: String,
}

/// Looks through the templates that the run can reach.
pub(crate) fn survey(plan: &Resolved) -> Support {
    let mut survey = Survey { plan, support: Support::default(), seen: HashSet::new(), calls: BTreeSet::new() };
    survey.spec();
    survey.unknown_stubs();
    survey.support.refused.sort();
    survey.support.refused.dedup();
    survey.support
}

struct Survey<'a> {
    plan: &'a Resolved,
    support: Support,
    /// With whether a stub may stand for the call.
    seen: HashSet<(TemplateScope, String, bool)>,
    /// What steps, tasks and hooks are called.
    calls: BTreeSet<String>,
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

    fn refusal(&self, why: impl Into<String>) -> Refusal {
        let scope = match &self.scope {
            TemplateScope::Local => "workflow".to_owned(),
            TemplateScope::Namespaced(name) => format!("workflowtemplate {name:?}"),
            TemplateScope::Cluster(name) => format!("clusterworkflowtemplate {name:?}"),
        };
        Refusal { scope, pointer: self.pointer.clone(), why: why.into() }
    }
}

impl Survey<'_> {
    fn refuse(&mut self, at: &At, why: impl Into<String>) {
        self.support.refused.push(at.refusal(why));
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
            self.artifact_source(&at.field("arguments/artifacts").field(place), artifact, None);
        }
        match Some(workflow_spec::entrypoint(spec)).filter(|name| !name.is_empty()) {
            Some(name) => self.call(&at.field("entrypoint"), &Reference::Name(name.to_owned()), ""),
            None => self.refuse(&at, "spec.entrypoint is missing: expected the name of the template to begin with"),
        }
        if let Some(name) = spec["onExit"].as_str().filter(|name| !name.is_empty()) {
            self.call(&at.field("onExit"), &Reference::Name(name.to_owned()), "onExit");
        }
        self.hooks(&at.field("hooks"), &spec["hooks"]);
    }

    fn call(&mut self, at: &At, reference: &Reference, call: &str) {
        self.calls.insert(call.to_owned());
        match self.plan.resolve(reference, &at.scope) {
            Err(why) => self.refuse(at, why),
            Ok((scope, template)) => {
                let name = template["name"].as_str().unwrap_or_default().to_owned();
                let inline = matches!(reference, Reference::Inline(_));
                if inline {
                    self.template(&at.field("inline"), &template, call);
                } else if self.seen.insert((scope.clone(), name.clone(), self.plan.stubs.may_have_node(call))) {
                    let place = self.plan.place(&scope, &name);
                    let template = self.with_defaults(&template);
                    self.template(&At { scope, pointer: workflow_spec::template_pointer(place) }, &template, call);
                }
            }
        }
    }

    fn unknown_stubs(&mut self) {
        let plan = self.plan;
        let is_known = |name: &&str| plan.has_template(name) || self.calls.contains(last_part(name));
        self.support.unknown_stubs = plan.stubs.names().filter(|name| !is_known(name)).map(str::to_owned).collect();
    }

    fn with_defaults(&self, template: &Value) -> Value {
        match self.plan.spec.get("templateDefaults") {
            Some(defaults) if defaults.is_object() => crate::argo::defaults::with_defaults(template, defaults),
            _ => template.clone(),
        }
    }

    fn hooks(&mut self, at: &At, hooks: &Value) {
        for (event, document) in hooks.as_object().into_iter().flatten() {
            let at = At { pointer: join(&at.pointer, event), ..at.clone() };
            match Hook::deserialize(document) {
                Ok(hook) => {
                    if event != "exit" && hook.expression.is_empty() {
                        self.refuse(&at, format!("hook {event:?} needs an expression"));
                    }
                    // A template that is not there is an error of the run that comes to the hook: Argo looks for it then.
                    let reference = Reference::from(&hook);
                    if self.plan.resolve(&reference, &at.scope).is_ok() {
                        self.call(&at, &reference, event);
                    }
                }
                Err(error) => self.refuse(&at, error.to_string()),
            }
        }
    }

    /// Looks into a template that is called by a step or task of this name.
    fn template(&mut self, at: &At, template: &Value, call: &str) {
        self.pass_over(template, TEMPLATE_PASSED_OVER);
        let name = template["name"].as_str().unwrap_or_default();
        if !name.is_empty() && self.plan.stubs.has_template(name) {
            return;
        }
        for kind in ["resource", "plugin"] {
            if template.get(kind).is_some() {
                return self.refuse_without_stub(at, kind, name, call);
            }
        }
        let view = match Template::deserialize(template) {
            Ok(view) => view,
            Err(error) => return self.refuse(at, error.to_string()),
        };
        if view.template_type().is_none() {
            return self.refuse(
                at,
                format!(
                    "template {:?} has nothing to do: expected container, script, steps, dag or another kind",
                    view.name
                ),
            );
        }
        if let Some(suspend) = &view.suspend {
            match suspend.duration.as_deref() {
                Some(text) if !text.contains("{{") && duration::parse(text).is_err() => {
                    self.refuse(&at.field("suspend/duration"), format!("{text:?} is no duration such as 10s or 5m"));
                }
                _ => {}
            }
        }
        self.data(at, template);
        self.artifacts(at, template);
        self.containers(at, template, &view);
        self.steps(at, template);
        self.dag(at, template);
    }

    /// A template that only a cluster can run, unless its nodes have their outcomes from the user.
    fn refuse_without_stub(&mut self, at: &At, kind: &str, name: &str, call: &str) {
        if self.plan.stubs.may_have_node(call) {
            return;
        }
        let stub = if name.is_empty() { call } else { name };
        let why = format!("a {kind} template needs a cluster; --stub {stub}=FILE gives its outcome");
        self.refuse(&at.field(kind), why);
    }

    fn containers(&mut self, at: &At, template: &Value, view: &Template) {
        let lists = [
            ("initContainers", "/initContainers"),
            ("sidecars", "/sidecars"),
            ("containerSet/containers", "/containerSet/containers"),
        ];
        if self.plan.in_images {
            for (field, is_used) in
                [("daemon", view.daemon == Some(true)), ("containerSet", view.container_set.is_some())]
            {
                if is_used {
                    self.refuse(&at.field(field), format!("{field} does not go with --runtime: use --runtime host"));
                }
            }
        }
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
            self.probes(&at, &container, view);
            let context = container["securityContext"].as_object().into_iter().flatten();
            let ignored = context.map(|(field, _)| field).filter(|field| !SECURITY_HONOURED.contains(&field.as_str()));
            let in_images = self.plan.in_images;
            let ignored = ignored.filter(|field| !in_images || !SECURITY_OF_IMAGES.contains(&field.as_str()));
            self.support.passed_over.extend(ignored.map(|field| format!("securityContext.{field}")));
            if in_images {
                self.image(&at, &container);
            }
            let has_command = !list(&container, "/command").is_empty();
            let image = container["image"].as_str().unwrap_or_default();
            if !in_images && !has_command && container.get("source").is_none() && !image.contains("{{") {
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

    /// Notes the image of a container; one that a tag names is looked for when it starts.
    fn image(&mut self, at: &At, container: &Value) {
        let image = container["image"].as_str().unwrap_or_default();
        if image.is_empty() {
            return self.refuse(&at.field("image"), "a container without an image cannot run in one");
        }
        if !image.contains("{{") {
            let pull = Pull::read(container["imagePullPolicy"].as_str().unwrap_or_default());
            self.support.images.insert(Wanted { image: image.to_owned(), pull });
        }
    }

    /// Only a daemon is asked whether it is ready.
    fn probes(&mut self, at: &At, container: &Value, view: &Template) {
        let is_daemon = view.daemon == Some(true);
        for field in ["readinessProbe", "startupProbe"] {
            match container.get(field) {
                Some(probe) if is_daemon && probe.get("grpc").is_some() => {
                    self.refuse(&at.field(field).field("grpc"), "a grpc probe needs a cluster");
                }
                Some(_) if !is_daemon => {
                    self.support.passed_over.insert(field.to_owned());
                }
                _ => {}
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
        let step = match Step::deserialize(document) {
            Ok(step) => step,
            Err(error) => {
                self.refuse(at, error.to_string());
                return None;
            }
        };
        for (place, artifact) in list(document, "/arguments/artifacts").iter().enumerate() {
            self.artifact_source(&at.field("arguments/artifacts").field(place), artifact, None);
        }
        self.calls.insert(step.name.clone());
        let reference = Reference::from(&step);
        let tagged = match &reference {
            Reference::Name(name) => name.contains("{{"),
            Reference::Object(object) => object.name.contains("{{") || object.template.contains("{{"),
            Reference::Inline(_) => false,
        };
        // A reference that is only known when the step starts is looked up then.
        if !tagged {
            self.call(&at.field("template"), &reference, &step.name);
        }
        self.hooks(&at.field("hooks"), &document["hooks"]);
        if !step.on_exit.is_empty() {
            self.call(&at.field("onExit"), &Reference::Name(step.on_exit.clone()), "onExit");
        }
        Some(step)
    }
}

fn calls_of(template: &Value) -> impl Iterator<Item = CallSite<'_>> {
    template::Template::new(template).sites()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
