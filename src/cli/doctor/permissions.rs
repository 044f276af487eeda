//! Which permissions each verb needs, and whether the user has them.

use futures::StreamExt;

use crate::cluster::{Cluster, ClusterError, Permission};
use crate::exit::CommandError;
use crate::output::doctor::Check;

/// So many questions are asked at the same time.
const PARALLEL: usize = 8;
const ARGO: &str = "argoproj.io";

const fn argo(verb: &'static str, resource: &'static str) -> Permission {
    Permission { verb, group: ARGO, resource }
}

const fn core(verb: &'static str, resource: &'static str) -> Permission {
    Permission { verb, group: "", resource }
}

/// Verbs, and what each of them sends.
const NEEDS: &[(&str, &[Permission])] = &[
    ("submit", &[argo("create", "workflows"), argo("get", "workflowtemplates")]),
    ("list, status, wait, watch", &[argo("get", "workflows"), argo("list", "workflows"), argo("watch", "workflows")]),
    ("logs", &[core("list", "pods"), core("watch", "pods"), core("get", "pods/log")]),
    ("retry", &[argo("get", "workflows"), argo("list", "workflows"), argo("create", "workflows")]),
    ("suspend, resume, stop, terminate", &[argo("get", "workflows"), argo("patch", "workflows")]),
    ("delete", &[argo("delete", "workflows")]),
    (
        "template, cron",
        &[argo("list", "workflowtemplates"), argo("list", "cronworkflows"), argo("patch", "cronworkflows")],
    ),
    ("semaphore", &[core("get", "configmaps"), core("create", "configmaps"), core("patch", "configmaps")]),
];
/// What `cache` and `retry` do with a cache, in its own namespace.
const OF_CACHE: &[Permission] =
    &[core("list", "configmaps"), core("get", "configmaps"), core("patch", "configmaps"), core("delete", "configmaps")];

/// A check for each group of verbs.
pub(super) async fn checks(cluster: &Cluster, cache_namespaces: &[String]) -> Vec<Check> {
    let namespace = cluster.namespace();
    let mut asked: Vec<(String, &[Permission], &str)> =
        NEEDS.iter().map(|(verbs, needs)| ((*verbs).to_owned(), *needs, namespace)).collect();
    for home in cache_namespaces {
        asked.push(("cache".to_owned(), OF_CACHE, home));
    }
    let mut found = Vec::new();
    for (verbs, needs, namespace) in asked {
        match missing(cluster, needs, namespace).await {
            Ok(missing) => found.push(told(&verbs, &missing, namespace)),
            Err(error) => {
                found.push(Check::skipped("permissions", error.message()));
                break;
            }
        }
    }
    found
}

async fn missing(cluster: &Cluster, needs: &[Permission], namespace: &str) -> Result<Vec<Permission>, ClusterError> {
    let answers = futures::stream::iter(needs)
        .map(|permission| async move { (permission, cluster.may(*permission, namespace).await) })
        .buffered(PARALLEL)
        .collect::<Vec<_>>()
        .await;
    let mut missing = Vec::new();
    for (permission, answer) in answers {
        if !answer? {
            missing.push(*permission);
        }
    }
    Ok(missing)
}

fn told(verbs: &str, missing: &[Permission], namespace: &str) -> Check {
    let Some(first) = missing.first() else {
        return Check::ok("permissions", format!("{verbs}: allowed in namespace {namespace}"));
    };
    let all: Vec<String> =
        missing.iter().map(|permission| format!("{} {}", permission.verb, permission.qualified())).collect();
    let of_one = missing.iter().filter(|permission| permission.resource == first.resource);
    let words: Vec<&str> = of_one.map(|permission| permission.verb).collect();
    let role = format!(
        "kubectl create role runnable -n {namespace} --verb={} --resource={}",
        words.join(","),
        first.qualified()
    );
    Check::error(
        "permissions",
        format!("{verbs}: may not {} in namespace {namespace}", all.join(", ")),
        format!("let an administrator grant it, such as by {role} and a rolebinding"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_rule_that_grants_it() {
        let missing = [argo("get", "workflows"), argo("list", "workflows"), core("get", "pods/log")];
        let check = told("status", &missing, "ci");
        assert_eq!(
            check.message,
            "status: may not get workflows.argoproj.io, list workflows.argoproj.io, get pods/log in namespace ci"
        );
        let advice = check.advice.unwrap_or_default();
        assert!(advice.contains("-n ci --verb=get,list --resource=workflows.argoproj.io"), "{advice}");
    }
}
