//! Files of a pod's own: a volume, and in it a worktree of a repository, for each template that runs a pod.
//!
//! An emptyDir belongs to one pod, so that the worktree is made in the pod that needs it, by an init container. What is
//! written here is the same in each attempt of a run and after a second preparation.

mod template;
mod worktree;

use serde_json::{Map, Value, json};

use self::template::isolate;
pub(super) use self::worktree::{INIT_CONTAINER, names_tree, shares_tree};
use super::warnings::Notice;
use super::{LockForm, PrepareError, list_field};
use crate::argo::Metadata;
use crate::argo::call::{Target, for_each_inline_mut};
use crate::argo::template::{Template, TemplateType, field, list, text};
use crate::argo::workflow_spec::{templates, templates_mut};

/// The name of the volume, and the end of the name of a workflow's claim.
pub(crate) const VOLUME: &str = "work";
/// The label that names the workflow of a claim.
const LABEL: &str = "workflow";
/// The annotation by which a claim is known as one of ours.
const MARK: &str = "kubectl-runnable/isolate";

/// What pods get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Isolation {
    /// The volume.
    pub(crate) volume: Volume,
    /// Only these templates; all that run a pod if empty.
    pub(crate) templates: Vec<String>,
    /// Where the volume is mounted: an absolute path.
    pub(crate) work_dir: String,
    /// The worktree in it.
    pub(crate) checkout: Option<Checkout>,
}

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Volume {
    /// On the node, for one pod.
    EmptyDir,
    /// A claim that is made for the workflow and goes with it.
    PerWorkflow {
        /// The storage class; the cluster's default if none.
        storage_class: Option<String>,
        /// Its size, such as `10Gi`.
        size: String,
    },
    /// A claim that exists.
    Claim(String),
}

/// What is checked out, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkout {
    /// The repository, without credentials.
    pub(crate) url: String,
    /// A branch, a tag or a commit.
    pub(crate) revision: String,
    /// Whose worktree it is.
    pub(crate) tree: TreeScope,
    /// The image with the program and git.
    pub(crate) image: String,
    /// The program.
    pub(crate) program: String,
    /// The secret that holds a token.
    pub(crate) secret: Option<SecretKey>,
}

/// Whose a worktree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TreeScope {
    /// Each call's own.
    Call,
    /// The whole run's: its pods use it one after another.
    Run,
}

/// A key of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretKey {
    /// The secret.
    pub(crate) name: String,
    /// The key.
    pub(crate) key: String,
}

/// Adds volume, mounts and worktree to a spec.
pub(super) fn apply(
    spec: &mut Value,
    isolation: &Isolation,
    lock_form: LockForm,
    notices: &mut Vec<Notice>,
) -> Result<(), PrepareError> {
    let reference = spec.get("workflowTemplateRef").filter(|reference| reference.is_object());
    if let Some(reference) = reference {
        return Err(PrepareError::IsolationByReference { name: text(reference, "name").to_owned() });
    }
    isolation.is_possible(spec)?;
    let pod_context = field(spec, "securityContext").filter(|context| context.is_object()).cloned();
    let writer = Writer { isolation, lock_form, pod_context: pod_context.as_ref() };
    for template in templates_mut(spec) {
        let name = text(template, "name").to_owned();
        if !isolation.selects(&name) {
            continue;
        }
        if Template::new(template).template_type().is_some_and(has_containers) {
            isolate(template, writer)?;
        }
        writer.isolate_inline(template, &name, notices)?;
        tell_elsewhere(template, &name, notices);
    }
    isolation.add_volume(spec)?;
    if matches!(isolation.volume, Volume::Claim(_))
        && let Some(checkout) = &isolation.checkout
    {
        worktree::remove_after_success(spec, isolation, checkout, notices);
    }
    Ok(())
}

/// Gives the claim of an isolated workflow the label with its name, which differs in each attempt.
pub(super) fn relabel(workflow: &mut Value) {
    let name = Metadata::of(workflow).name().to_owned();
    let claims = workflow.pointer_mut("/spec/volumeClaimTemplates").and_then(Value::as_array_mut);
    for claim in claims.into_iter().flatten().filter(|claim| is_marked(claim)) {
        let labels = claim.get_mut("metadata").and_then(|metadata| metadata.get_mut("labels"));
        if let Some(labels) = labels.and_then(Value::as_object_mut).filter(|labels| labels.contains_key(LABEL)) {
            labels.insert(LABEL.to_owned(), json!(name));
        }
    }
}

impl Isolation {
    fn selects(&self, template: &str) -> bool {
        self.templates.is_empty() || self.templates.iter().any(|name| name == template)
    }

    /// Refuses what would leave a template as it is, or what does not go together.
    fn is_possible(&self, spec: &Value) -> Result<(), PrepareError> {
        for name in &self.templates {
            let found = templates(spec).find(|template| template.name() == name);
            let Some(found) = found else { return Err(PrepareError::NoSuchTemplate { name: name.clone() }) };
            if !found.template_type().is_some_and(has_containers) {
                return Err(PrepareError::NoPod { name: name.clone() });
            }
        }
        let is_shared = self.checkout.as_ref().is_some_and(|checkout| checkout.tree == TreeScope::Run);
        if is_shared && self.volume == Volume::EmptyDir {
            return Err(PrepareError::TreeOfOnePod);
        }
        Ok(())
    }

    fn add_volume(&self, spec: &mut Value) -> Result<(), PrepareError> {
        let Some(fields) = spec.as_object_mut() else { return Ok(()) };
        let (field, volume) = match &self.volume {
            Volume::EmptyDir => ("volumes", json!({"name": VOLUME, "emptyDir": {}})),
            Volume::Claim(claim) => ("volumes", json!({"name": VOLUME, "persistentVolumeClaim": {"claimName": claim}})),
            Volume::PerWorkflow { storage_class, size } => {
                ("volumeClaimTemplates", claim(storage_class.as_deref(), size))
            }
        };
        is_free(fields, field, &volume)?;
        let volumes = list_field(fields, field)?;
        if !volumes.iter().any(|own| volume_name(own) == VOLUME) {
            volumes.push(volume);
        }
        if field == "volumeClaimTemplates" {
            fields.entry("volumeClaimGC").or_insert_with(|| json!({"strategy": "OnWorkflowCompletion"}));
        }
        Ok(())
    }
}

/// What is written into each template.
#[derive(Clone, Copy)]
struct Writer<'a> {
    isolation: &'a Isolation,
    lock_form: LockForm,
    /// The security context of all pods.
    pod_context: Option<&'a Value>,
}

impl Writer<'_> {
    /// Inline templates are named as their callers, so that they cannot have a worktree of their own on a volume that
    /// others mount.
    fn isolate_inline(self, template: &mut Value, name: &str, notices: &mut Vec<Notice>) -> Result<(), PrepareError> {
        let shared = self.isolation.volume != Volume::EmptyDir && self.isolation.checkout.is_some();
        let mut outcome = Ok(());
        for_each_inline_mut(template, &mut |inline| {
            if outcome.is_err() || !Template::new(inline).template_type().is_some_and(has_containers) {
                return;
            }
            if shared {
                let what = "its inline templates".to_owned();
                notices.push(Notice::NotIsolated { template: name.to_owned(), what });
            } else {
                outcome = isolate(inline, self);
            }
        });
        outcome
    }
}

/// A claim that is made for the workflow. Its label gets its value when the workflow has a name.
fn claim(storage_class: Option<&str>, size: &str) -> Value {
    let mut claim = json!({
        "metadata": {"name": VOLUME, "labels": {LABEL: ""}, "annotations": {MARK: "pvc"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
    });
    if let Some(class) = storage_class {
        claim["spec"]["storageClassName"] = json!(class);
    }
    claim
}

fn is_marked(claim: &Value) -> bool {
    let metadata = Metadata::of(claim);
    metadata.name() == VOLUME && metadata.field("annotations").is_some_and(|all| !text(all, MARK).is_empty())
}

/// Refuses a volume of the same name that somebody else has put there.
fn is_free(spec: &Map<String, Value>, field: &str, volume: &Value) -> Result<(), PrepareError> {
    let others = ["volumes", "volumeClaimTemplates"].into_iter().flat_map(|other| {
        list(spec.get(other))
            .iter()
            .filter(move |own| volume_name(own) == VOLUME && !(other == field && same(own, volume)))
    });
    if others.count() > 0 { Err(PrepareError::VolumeTaken { volume: VOLUME }) } else { Ok(()) }
}

/// Whether both are the same volume; of a claim the label may name a workflow already.
fn same(own: &Value, volume: &Value) -> bool {
    own.get("spec").map_or(own == volume, |spec| Some(spec) == volume.get("spec"))
}

fn volume_name(volume: &Value) -> &str {
    match text(volume, "name") {
        "" => Metadata::of(volume).name(),
        name => name,
    }
}

/// Whether templates of this type have containers of the user's.
fn has_containers(kind: TemplateType) -> bool {
    matches!(kind, TemplateType::Container | TemplateType::Script | TemplateType::ContainerSet)
}

/// Tells of the templates of other objects that a template calls: they are as they are there.
fn tell_elsewhere(template: &Value, name: &str, notices: &mut Vec<Notice>) {
    for call in Template::new(template).calls() {
        if let Target::Reference(reference) = call.target {
            let what = format!("template {:?} of {:?}, which it calls", reference.template, reference.name);
            notices.push(Notice::NotIsolated { template: name.to_owned(), what });
        }
    }
}

#[cfg(test)]
mod tests;
