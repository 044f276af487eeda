//! Which permissions each verb needs, and whether the user has them.

use futures::StreamExt;

use crate::bundle::RIGHTS;
use crate::cluster::{Cluster, ClusterError, Permission};
use crate::exit::CommandError;
use crate::output::doctor::Check;

/// So many questions are asked at the same time.
const PARALLEL: usize = 8;

const fn core(verb: &'static str, resource: &'static str) -> Permission {
    Permission { verb, group: "", resource }
}

/// Verbs that are asked for, each by rows of the table of rights.
const ASKED: [&str; 13] = [
    "submit",
    "submit --from workflowtemplate",
    "list",
    "status",
    "wait",
    "logs",
    "retry",
    "stop",
    "delete",
    "template list",
    "cron suspend",
    "semaphore set",
    "submit --debounce",
];

/// What a verb cannot do without in the namespace.
fn needs(verb: &str) -> Vec<Permission> {
    let rows = RIGHTS.iter().filter(|rights| rights.verb == verb).flat_map(|rights| rights.rules);
    let rules = rows.filter(|rule| rule.without.is_none() && !rule.cluster);
    rules
        .flat_map(|rule| rule.verbs.iter().map(|verb| Permission { verb, group: rule.group, resource: rule.resource }))
        .collect()
}

/// What `cache` and `retry` do with a cache, in its own namespace.
const OF_CACHE: &[Permission] =
    &[core("list", "configmaps"), core("get", "configmaps"), core("patch", "configmaps"), core("delete", "configmaps")];

/// A check for each group of verbs.
pub(super) async fn checks(cluster: &Cluster, cache_namespaces: &[String]) -> Vec<Check> {
    let namespace = cluster.namespace();
    let mut asked: Vec<(&str, Vec<Permission>, &str)> =
        ASKED.iter().map(|verb| (*verb, needs(verb), namespace)).collect();
    for home in cache_namespaces {
        asked.push(("cache", OF_CACHE.to_vec(), home));
    }
    let mut found = Vec::new();
    for (verbs, needs, namespace) in asked {
        match missing(cluster, &needs, namespace).await {
            Ok(missing) => found.push(told(verbs, &missing, namespace)),
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
    fn what_is_asked_for_stands_in_the_table() {
        for verb in ASKED {
            assert!(!needs(verb).is_empty(), "{verb}");
        }
        assert_eq!(needs("submit"), [Permission { verb: "create", group: "argoproj.io", resource: "workflows" }]);
    }

    #[test]
    fn what_is_missing_is_named_with_the_rule_that_grants_it() {
        let argo = |verb| Permission { verb, group: "argoproj.io", resource: "workflows" };
        let missing = [argo("get"), argo("list"), core("get", "pods/log")];
        let check = told("status", &missing, "ci");
        assert_eq!(
            check.message,
            "status: may not get workflows.argoproj.io, list workflows.argoproj.io, get pods/log in namespace ci"
        );
        let advice = check.advice.unwrap_or_default();
        assert!(advice.contains("-n ci --verb=get,list --resource=workflows.argoproj.io"), "{advice}");
    }
}
