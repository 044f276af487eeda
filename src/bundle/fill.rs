//! Fills the files of each component with its settings.

use serde_json::{Value, json};

use super::asset::Asset;
use super::setting::Values;
use super::{BundleError, Component, rights, sensor};
use crate::argo::metadata::NAME_POINTER;
use crate::argo::workflow_spec::template_pointer;

/// The objects of a component, in the order in which they are created.
pub(crate) fn objects(component: Component, values: &Values) -> Result<Vec<Value>, BundleError> {
    let assets = match component {
        Component::Semaphores => vec![Asset::of(include_str!("../assets/semaphores/limits.yaml"))],
        Component::Rbac => rbac(values)?,
        Component::Coderun if values.get("codeRun").is_empty() => vec![coderun(values)],
        Component::Coderun => coderun_object(values)?,
        Component::Cleanup => vec![cleanup(values)],
        Component::Sensor => sensor::assets(values),
    };
    let namespace = values.namespace.as_deref();
    Ok(assets.into_iter().map(|asset| asset.finish(component, namespace)).collect())
}

fn rbac(values: &Values) -> Result<Vec<Asset>, BundleError> {
    let account = values.get("serviceAccount");
    let mut own = Asset::of(include_str!("../assets/rbac/service-account.yaml"));
    own.set(NAME_POINTER, account);
    let role = Asset::of(include_str!("../assets/rbac/role.yaml"));
    let mut all = vec![own, role, binding(Asset::of(include_str!("../assets/rbac/binding.yaml")), account, values)];
    if !values.get("verbs").is_empty() {
        all.extend(of_users(values)?);
    }
    Ok(all)
}

/// The account of those who use some verbs, with the least rights that these need.
fn of_users(values: &Values) -> Result<[Asset; 3], BundleError> {
    let verbs: Vec<String> = values.get("verbs").split(',').map(|verb| verb.trim().to_owned()).collect();
    let name = values.get("userAccount");
    let mut account = Asset::of(include_str!("../assets/rbac/service-account.yaml"));
    account.set(NAME_POINTER, name);
    let mut role = Asset::of(include_str!("../assets/rbac/role.yaml"));
    role.set(NAME_POINTER, name);
    role.set("/rules", rights::rules(&verbs)?);
    let mut bound = Asset::of(include_str!("../assets/rbac/binding.yaml"));
    bound.set(NAME_POINTER, name);
    bound.set("/roleRef/name", name);
    Ok([account, role, binding(bound, name, values)])
}

/// A RoleBinding of an account in the namespace of the objects.
pub(super) fn binding(mut binding: Asset, account: &str, values: &Values) -> Asset {
    binding.set("/subjects/0/name", account);
    binding.set("/subjects/0/namespace", values.namespace.as_deref().unwrap_or_default());
    binding
}

fn coderun(values: &Values) -> Asset {
    let mut template = Asset::of(include_str!("../assets/coderun/template.yaml"));
    template_settings(&mut template, values);
    let work_image = Some(values.get("workImage")).filter(|image| !image.is_empty()).unwrap_or(&values.image);
    for place in [2, 3] {
        template.set(&of_template(place, "initContainers/0/image"), values.image.as_str());
        template.set(&of_template(place, "container/image"), work_image);
        template.set(&of_template(place, "container/args/0"), values.get("command"));
    }
    let claim = of_template(3, "volumes/0/ephemeral/volumeClaimTemplate/spec");
    storage(&mut template, &claim, values);
    template
}

fn template_settings(template: &mut Asset, values: &Values) {
    template.set("/spec/serviceAccountName", values.get("serviceAccount"));
    template.set("/spec/parallelism", values.number("parallelism"));
    template.set("/spec/podGC/deleteDelayDuration", values.get("keepPods"));
    template.set_parameter("parallelism", values.get("parallelism"));
    template.set_parameter("server", values.get("server"));
    template.set_parameter("github-app", values.get("secret"));
    template.set(&of_template(1, "container/image"), values.image.as_str());
    template.set(&of_template(1, "container/args/1"), values.get("limit"));
}

fn storage(template: &mut Asset, claim: &str, values: &Values) {
    template.set(&format!("{claim}/resources/requests/storage"), values.get("storageSize"));
    if !values.get("storageClass").is_empty() {
        template.add(claim, "storageClassName", values.get("storageClass"));
    }
}

/// The template that creates an object of somebody else's, with the rights that this takes.
fn coderun_object(values: &Values) -> Result<Vec<Asset>, BundleError> {
    for (name, help) in [
        ("codeRunPlural", "the object's resource, such as coderuns"),
        ("successCondition", "when the object has succeeded, so that lock and worktree are held until then"),
        ("failureCondition", "when the object has failed, so that lock and worktree are held until then"),
    ] {
        if values.get(name).is_empty() {
            return Err(BundleError::Required { component: Component::Coderun.name(), name, help });
        }
    }
    let of = values.get("codeRun");
    let Some((api_version, kind)) =
        of.rsplit_once('/').filter(|(version, kind)| version.contains('/') && !kind.is_empty())
    else {
        let expected = "APIVERSION/KIND such as example.org/v1/CodeRun";
        return Err(BundleError::Value { name: "codeRun", value: of.to_owned(), expected });
    };

    let mut manifest = Asset::of(include_str!("../assets/coderun/manifest.yaml"));
    manifest.set("/apiVersion", api_version);
    manifest.set("/kind", kind);
    let mut template = Asset::of(include_str!("../assets/coderun/object.yaml"));
    template_settings(&mut template, values);
    storage(&mut template, "/spec/volumeClaimTemplates/0/spec", values);
    template.set(&of_template(3, "container/image"), values.image.as_str());
    let resource = of_template(4, "resource");
    // JSON is YAML: no text is put together.
    template.set(&format!("{resource}/manifest"), format!("{:#}", manifest.into_value()));
    template.set(&format!("{resource}/successCondition"), values.get("successCondition"));
    template.set(&format!("{resource}/failureCondition"), values.get("failureCondition"));

    let mut role = Asset::of(include_str!("../assets/coderun/object-role.yaml"));
    let group = api_version.split('/').next().unwrap_or_default();
    role.set("/rules/0/apiGroups", json!([group]));
    role.set("/rules/0/resources", json!([values.get("codeRunPlural")]));
    let bound = Asset::of(include_str!("../assets/coderun/object-binding.yaml"));
    Ok(vec![role, binding(bound, values.get("serviceAccount"), values), template])
}

fn cleanup(values: &Values) -> Asset {
    let mut cron = Asset::of(include_str!("../assets/cleanup/cron.yaml"));
    let spec = "/spec/workflowSpec";
    cron.set("/spec/schedules/0", values.get("schedule"));
    cron.set(&format!("{spec}/serviceAccountName"), values.get("serviceAccount"));
    cron.set(&format!("{spec}/volumes/0/persistentVolumeClaim/claimName"), values.get("claim"));
    let container = format!("{spec}/templates/0/container");
    cron.set(&format!("{container}/image"), values.image.as_str());
    cron.set(&format!("{container}/args/4"), values.get("older"));
    if values.get("force") == "true" {
        cron.push(&format!("{container}/args"), "--force");
    }
    cron
}

/// A field of a template, by the template's place.
fn of_template(place: usize, field: &str) -> String {
    format!("{}/{field}", template_pointer(place))
}
