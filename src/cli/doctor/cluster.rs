//! What runs of a cluster need: a kubeconfig, a server that answers, Argo with its kinds, permissions, caches.

use std::collections::BTreeSet;

use serde_json::Value;

use super::permissions;
use crate::argo::Metadata;
use crate::cli::access::AccessArgs;
use crate::cluster::{Cluster, ClusterError};
use crate::exit::CommandError;
use crate::output::doctor::Check;

/// What a workflow can be submitted with; without the others a few verbs have nothing to show.
const NEEDED: [&str; 5] =
    ["workflows", "workflowtemplates", "clusterworkflowtemplates", "cronworkflows", "workflowtaskresults"];
/// Argo Events' own kinds.
const EVENTS: [&str; 3] = ["eventbus", "eventsources", "sensors"];
/// Settings of a controller that change how runs behave, and what they mean.
const FEATURES: [(&str, &str); 9] = [
    ("instanceID", "only workflows with its label are carried out: submit with --instanceid"),
    ("parallelism", "workflows at once"),
    ("namespaceParallelism", "workflows at once in a namespace"),
    ("resourceRateLimit", "pods are created no faster"),
    ("persistence", "large statuses and the archive lie in a database"),
    ("artifactRepository", "outputs have a default place"),
    ("workflowDefaults", "every workflow gets these fields"),
    ("workflowRestrictions", "what may be submitted"),
    ("synchronization", "locks in a database"),
];

pub(super) async fn checks(access: &AccessArgs) -> Vec<Check> {
    let cluster = match Cluster::connect(&access.access()).await {
        Ok(cluster) => cluster,
        Err(ClusterError::NoKubeconfig { path }) => {
            let message = format!("none at {}", path.display());
            let advice = "runs of this machine need none (--local); for a cluster set KUBECONFIG or --kubeconfig";
            return vec![Check::warning("kubeconfig", message, advice)];
        }
        Err(error) => return vec![failed("kubeconfig", &error)],
    };
    let context = cluster.context().map_or_else(|| "of this pod".to_owned(), |context| format!("context {context}"));
    let place = format!("{context}, server {}, namespace {}", cluster.server(), cluster.namespace());
    let mut found = vec![Check::ok("kubeconfig", place)];
    match cluster.server_version().await {
        Ok(version) => found.push(Check::ok("server", format!("Kubernetes {version} answers"))),
        Err(error) => {
            found.push(failed("server", &error));
            return found;
        }
    }
    let kinds = match cluster.argo_kinds().await {
        Ok(kinds) => kinds,
        Err(error) => {
            found.push(failed("Argo's kinds", &error));
            return found;
        }
    };
    found.push(check_kinds(&kinds));
    let homes = cluster.cache_homes().await;
    found.extend(check_controllers(&cluster, homes.namespaces()).await);
    found.push(check_events(&kinds));
    found.extend(check_caches(&cluster, homes.namespaces()).await);
    let of_caches: Vec<String> = homes.namespaces().iter().cloned().collect();
    found.extend(permissions::checks(&cluster, &of_caches).await);
    found
}

fn failed(check: &'static str, error: &ClusterError) -> Check {
    let advice = error.hint().unwrap_or_else(|| "see kubectl cluster-info".to_owned());
    Check::error(check, error.message(), advice)
}

fn check_kinds(kinds: &[String]) -> Check {
    let missing: Vec<&str> = NEEDED.into_iter().filter(|name| !kinds.iter().any(|kind| kind == name)).collect();
    let install = "install Argo Workflows: https://argo-workflows.readthedocs.io/en/latest/installation/";
    if missing.contains(&NEEDED[0]) {
        return Check::error("Argo's kinds", "Argo Workflows is not installed in this cluster", install);
    }
    if missing.is_empty() {
        return Check::ok("Argo's kinds", "all are served");
    }
    Check::warning("Argo's kinds", format!("not served: {}", missing.join(", ")), install)
}

async fn check_controllers(cluster: &Cluster, homes: &BTreeSet<String>) -> Vec<Check> {
    let form = match cluster.lock_fields().await {
        Some(fields) if fields.iter().any(|field| field == "mutexes") => "full definitions, of 3.6 or later",
        Some(_) => "full definitions, from before 3.6",
        None => "minimal definitions: the server does not check the fields of a workflow",
    };
    let controllers = cluster.controllers(homes).await;
    let mut found = Vec::new();
    match (controllers.is_empty(), homes.is_empty()) {
        (false, _) => found.extend(controllers.iter().map(|controller| {
            let message = format!("{} in namespace {}; {form}", controller.version, controller.namespace);
            Check::ok("Argo's version", message)
        })),
        (true, false) => {
            let all: Vec<&str> = homes.iter().map(String::as_str).collect();
            let message =
                format!("a controller runs in namespace {}; its pod is not to be seen; {form}", all.join(", "));
            found.push(Check::skipped("Argo's version", message));
        }
        (true, true) => {
            let message = format!("no sign of a controller is to be seen; {form}");
            let advice = "if workflows stay without a phase, look whether the workflow-controller runs";
            found.push(Check::warning("Argo's version", message, advice));
        }
    }
    for home in homes {
        found.push(match cluster.controller_settings(home).await {
            Some(settings) => Check::ok("controller", features(&settings)),
            None => Check::skipped(
                "controller",
                format!("its settings in namespace {home} are not to be seen, or there are none"),
            ),
        });
    }
    found
}

/// What the settings switch on. A value is shown only where it is one plain word: settings may name secrets.
fn features(settings: &Value) -> String {
    // Older controllers have all settings in one text under `config`.
    let nested = settings["config"].as_str().and_then(|text| serde_yaml::from_str::<Value>(text).ok());
    let settings = nested.as_ref().unwrap_or(settings);
    let on = FEATURES.iter().filter_map(|(name, meaning)| {
        let value = settings.get(name).filter(|value| !value.is_null())?;
        let plain = value.as_str().map(str::to_owned).or_else(|| value.is_number().then(|| value.to_string()));
        let plain = plain.filter(|text| !text.contains(char::is_whitespace) && text.len() < 40);
        Some(plain.map_or_else(|| format!("{name} ({meaning})"), |value| format!("{name} {value} ({meaning})")))
    });
    let on: Vec<String> = on.collect();
    if on.is_empty() { "default settings".to_owned() } else { on.join("; ") }
}

fn check_events(kinds: &[String]) -> Check {
    let there = EVENTS.iter().filter(|name| kinds.iter().any(|kind| kind == *name)).count();
    match there {
        0 => Check::skipped("Argo Events", "not installed; only sensors need it"),
        3 => Check::ok("Argo Events", "its kinds are served"),
        _ => Check::warning("Argo Events", "some of its kinds are not served", "install Argo Events again"),
    }
}

/// A cache without the label, or outside the namespaces of controllers, is not used by any.
async fn check_caches(cluster: &Cluster, homes: &BTreeSet<String>) -> Vec<Check> {
    let mut found = Vec::new();
    for home in homes {
        let (mut caches, mut bare) = (0_usize, Vec::new());
        let here = cluster.within(home);
        let counted = here.cache_config_maps(false, |_| caches += 1).await;
        let listed = here
            .unlabelled_config_maps(false, |object| {
                let name = Metadata::of(&object).name().to_owned();
                if name.parse::<crate::argo::identity::CacheName>().is_ok() && name.starts_with("runnable-") {
                    bare.push(name);
                }
            })
            .await;
        found.push(match counted.and(listed) {
            Err(error) => Check::skipped("caches", format!("namespace {home}: {}", error.message())),
            Ok(()) if bare.is_empty() => {
                Check::ok("caches", format!("in namespace {home}: {caches}, all with the controller's label"))
            }
            Ok(()) => Check::error(
                "caches",
                format!(
                    "in namespace {home}: without the label, so that the controller does not use them: {}",
                    bare.join(", ")
                ),
                format!(
                    "kubectl label configmap -n {home} {} {}={}",
                    bare.join(" "),
                    crate::cache::LABEL,
                    crate::cache::LABEL_VALUE
                ),
            ),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn features_are_named_without_the_content_of_settings() {
        let settings = json!({"parallelism": "10", "persistence": "postgresql:\n  passwordSecret: {name: db}\n"});
        assert_eq!(
            features(&settings),
            "parallelism 10 (workflows at once); persistence (large statuses and the archive lie in a database)"
        );
        assert_eq!(features(&json!({})), "default settings");
        let older = json!({"config": "instanceID: blue\n"});
        assert!(features(&older).starts_with("instanceID blue"));
    }

    #[test]
    fn without_workflows_nothing_can_run() {
        use crate::output::doctor::State;
        assert_eq!(check_kinds(&[]).state, State::Error);
        let kinds = NEEDED.map(str::to_owned);
        assert_eq!(check_kinds(&kinds).state, State::Ok);
        assert_eq!(check_kinds(&kinds[..3]).state, State::Warning);
    }
}
