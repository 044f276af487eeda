//! The least rights of each verb on a cluster, as rules of a Role: installed by `bundle install rbac --verbs`, asked for by
//! `doctor`, documented in docs/permissions.md. A test runs each verb with exactly its rules (tests/apiserver/rights.rs). Long,
//! because it is a table.

use serde_json::{Value, json};

use super::BundleError;

/// What a verb may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The plural name, with a subresource such as `pods/log`.
    pub resource: &'static str,
    /// The verbs of the API server's authorization.
    pub verbs: &'static [&'static str],
    /// In the whole cluster, which takes a ClusterRole.
    pub cluster: bool,
    /// What the verb does without the rule; none where it fails.
    pub without: Option<&'static str>,
}

/// The rights of a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// The verb, perhaps with a flag that takes more.
    pub verb: &'static str,
    /// Its rules.
    pub rules: &'static [Rule],
}

const fn rule(group: &'static str, resource: &'static str, verbs: &'static [&'static str]) -> Rule {
    Rule { group, resource, verbs, cluster: false, without: None }
}

const fn argo(resource: &'static str, verbs: &'static [&'static str]) -> Rule {
    rule("argoproj.io", resource, verbs)
}

const fn core(resource: &'static str, verbs: &'static [&'static str]) -> Rule {
    rule("", resource, verbs)
}

const fn rbac(resource: &'static str, verbs: &'static [&'static str]) -> Rule {
    rule("rbac.authorization.k8s.io", resource, verbs)
}

const fn leases(verbs: &'static [&'static str]) -> Rule {
    rule("coordination.k8s.io", "leases", verbs)
}

const fn of_cluster(rule: Rule) -> Rule {
    Rule { cluster: true, ..rule }
}

const fn optional(rule: Rule, without: &'static str) -> Rule {
    Rule { without: Some(without), ..rule }
}

/// Where the controller keeps its caches is not known to a user of one namespace.
const CACHE_ELSEWHERE: Rule =
    optional(of_cluster(core("configmaps", &["list"])), "the cache is looked for in the workflow's namespace alone");
const CACHE_HOMES: Rule =
    optional(of_cluster(leases(&["list"])), "the namespaces of controllers are guessed from their ConfigMaps");
const OTHER_WORKFLOWS: Rule =
    optional(of_cluster(argo("workflows", &["list"])), "workflows of other namespaces are not seen");
const OTHER_TEMPLATES: [Rule; 3] = [
    optional(of_cluster(argo("clusterworkflowtemplates", &["list"])), "cluster templates that name it are not seen"),
    optional(of_cluster(argo("workflowtemplates", &["list"])), "templates of other namespaces are not seen"),
    optional(of_cluster(argo("cronworkflows", &["list"])), "schedules of other namespaces are not seen"),
];
/// Who uses a cache.
const USERS: [Rule; 3] = [
    optional(argo("workflows", &["list"]), "the runs that use a cache are not told"),
    optional(argo("workflowtemplates", &["list"]), "the templates that name a cache are not told"),
    optional(argo("cronworkflows", &["list"]), "the schedules that name a cache are not told"),
];

/// Of all components. Kubernetes lets nobody give rights that he has not himself, without `escalate` and `bind`.
const INSTALL: [Rule; 9] = [
    core("configmaps", &["get", "create", "patch"]),
    core("serviceaccounts", &["get", "create", "patch"]),
    rbac("roles", &["get", "create", "patch", "escalate", "bind"]),
    rbac("rolebindings", &["get", "create", "patch"]),
    argo("workflowtemplates", &["get", "create", "patch"]),
    argo("cronworkflows", &["get", "create", "patch"]),
    argo("eventbus", &["get", "create", "patch"]),
    argo("eventsources", &["get", "create", "patch"]),
    argo("sensors", &["get", "create", "patch"]),
];

/// All verbs that send something to a cluster.
pub const RIGHTS: &[Rights] = &[
    Rights { verb: "submit", rules: &[argo("workflows", &["create"])] },
    Rights { verb: "submit --wait", rules: &[argo("workflows", &["create", "get", "watch"])] },
    Rights {
        verb: "submit --from workflowtemplate",
        rules: &[argo("workflows", &["create"]), argo("workflowtemplates", &["get"])],
    },
    Rights {
        verb: "submit --from clusterworkflowtemplate",
        rules: &[argo("workflows", &["create"]), of_cluster(argo("clusterworkflowtemplates", &["get"]))],
    },
    Rights {
        verb: "submit --from cronworkflow",
        rules: &[
            argo("workflows", &["create"]),
            argo("cronworkflows", &["get"]),
            argo("cronworkflows/finalizers", &["update"]),
        ],
    },
    Rights {
        verb: "submit --semaphore",
        rules: &[
            argo("workflows", &["create"]),
            core("configmaps", &["get", "create", "patch"]),
            optional(
                of_cluster(rule("apiextensions.k8s.io", "customresourcedefinitions", &["get"])),
                "the form of locks is read from the published schema, else the newer one is written",
            ),
        ],
    },
    Rights {
        verb: "submit --isolate claim",
        rules: &[
            argo("workflows", &["create"]),
            optional(core("persistentvolumeclaims", &["get"]), "a claim that is missing is not noticed"),
            optional(of_cluster(core("nodes", &["list"])), "no warning where a claim serves one node of several"),
        ],
    },
    Rights { verb: "submit --owner", rules: &[argo("workflows", &["create"]), core("configmaps", &["get"])] },
    Rights {
        verb: "submit --resume",
        rules: &[
            argo("workflows", &["create", "get", "list"]),
            optional(core("configmaps", &["get"]), "what is in the cache is not known to the plan"),
            optional(core("configmaps", &["patch"]), "the number of the attempt is not noted at the cache"),
            CACHE_ELSEWHERE,
            CACHE_HOMES,
        ],
    },
    Rights {
        verb: "submit --debounce",
        rules: &[
            argo("workflows", &["create", "get"]),
            leases(&["get", "create", "update"]),
            optional(leases(&["list"]), "Leases without use for a day stay"),
        ],
    },
    Rights {
        verb: "retry",
        rules: &[
            argo("workflows", &["create", "get"]),
            optional(argo("workflows", &["list"]), "other attempts of the run are not known"),
            optional(core("configmaps", &["get"]), "what is in the cache is not known to the plan"),
            optional(core("configmaps", &["patch"]), "the number of the attempt is not noted at the cache"),
            CACHE_ELSEWHERE,
            CACHE_HOMES,
        ],
    },
    Rights {
        verb: "retry --plan",
        rules: &[
            argo("workflows", &["get"]),
            optional(argo("workflows", &["list"]), "other attempts of the run are not known"),
            optional(core("configmaps", &["get"]), "what is in the cache is not known to the plan"),
            CACHE_ELSEWHERE,
            CACHE_HOMES,
        ],
    },
    Rights {
        verb: "retry --memoized",
        rules: &[
            argo("workflows", &["create", "get"]),
            optional(argo("workflows", &["list"]), "other attempts of the run are not known"),
            optional(core("configmaps", &["get"]), "what is in the cache is not known to the plan"),
            CACHE_ELSEWHERE,
            CACHE_HOMES,
        ],
    },
    Rights {
        verb: "retry --in-place",
        rules: &[
            argo("workflows", &["get", "update"]),
            optional(argo("workflows", &["list"]), "other attempts of the run are not known"),
            core("pods", &["delete"]),
            optional(core("configmaps", &["get"]), "what is in the cache is not known to the plan"),
            CACHE_ELSEWHERE,
            CACHE_HOMES,
        ],
    },
    Rights { verb: "list", rules: &[argo("workflows", &["list"])] },
    Rights {
        verb: "status",
        rules: &[
            argo("workflows", &["get"]),
            optional(argo("workflows", &["list"]), "later attempts of the run are not told"),
            optional(core("pods", &["list"]), "the pod and the log of what failed are not told"),
        ],
    },
    Rights { verb: "wait", rules: &[argo("workflows", &["get", "watch"])] },
    Rights { verb: "watch", rules: &[argo("workflows", &["get", "watch"])] },
    Rights { verb: "progress", rules: &[argo("workflows", &["get"])] },
    Rights { verb: "logs", rules: &[argo("workflows", &["get"]), core("pods", &["list"]), core("pods/log", &["get"])] },
    Rights {
        verb: "logs --follow",
        rules: &[
            argo("workflows", &["get", "watch"]),
            core("pods", &["list"]),
            optional(core("pods", &["watch"]), "logs of pods that start later may be missing"),
            core("pods/log", &["get"]),
        ],
    },
    Rights {
        verb: "report",
        rules: &[argo("workflows", &["get"]), optional(core("pods", &["list"]), "the report has no logs")],
    },
    Rights { verb: "suspend", rules: &[argo("workflows", &["get", "patch"])] },
    Rights { verb: "resume", rules: &[argo("workflows", &["get", "patch"])] },
    Rights { verb: "stop", rules: &[argo("workflows", &["get", "patch"])] },
    Rights { verb: "terminate", rules: &[argo("workflows", &["get", "patch"])] },
    Rights { verb: "delete", rules: &[argo("workflows", &["get", "delete"])] },
    Rights { verb: "template list", rules: &[argo("workflowtemplates", &["list"])] },
    Rights { verb: "template get", rules: &[argo("workflowtemplates", &["get"])] },
    Rights { verb: "cluster-template list", rules: &[of_cluster(argo("clusterworkflowtemplates", &["list"]))] },
    Rights { verb: "cluster-template get", rules: &[of_cluster(argo("clusterworkflowtemplates", &["get"]))] },
    Rights { verb: "cron list", rules: &[argo("cronworkflows", &["list"])] },
    Rights { verb: "cron get", rules: &[argo("cronworkflows", &["get"])] },
    Rights { verb: "cron suspend", rules: &[argo("cronworkflows", &["get", "patch"])] },
    Rights {
        verb: "cron submit",
        rules: &[
            argo("cronworkflows", &["get"]),
            argo("workflows", &["create"]),
            argo("cronworkflows/finalizers", &["update"]),
        ],
    },
    Rights {
        verb: "cache list",
        rules: &[
            core("configmaps", &["list"]),
            USERS[0],
            USERS[1],
            USERS[2],
            CACHE_ELSEWHERE,
            CACHE_HOMES,
            OTHER_WORKFLOWS,
            OTHER_TEMPLATES[0],
            OTHER_TEMPLATES[1],
            OTHER_TEMPLATES[2],
        ],
    },
    Rights {
        verb: "cache inspect",
        rules: &[
            core("configmaps", &["get"]),
            USERS[0],
            USERS[1],
            USERS[2],
            CACHE_ELSEWHERE,
            CACHE_HOMES,
            OTHER_WORKFLOWS,
            OTHER_TEMPLATES[0],
            OTHER_TEMPLATES[1],
            OTHER_TEMPLATES[2],
        ],
    },
    Rights {
        verb: "cache prune",
        rules: &[
            core("configmaps", &["get", "patch"]),
            USERS[0],
            USERS[1],
            USERS[2],
            CACHE_ELSEWHERE,
            CACHE_HOMES,
            OTHER_WORKFLOWS,
            OTHER_TEMPLATES[0],
            OTHER_TEMPLATES[1],
            OTHER_TEMPLATES[2],
        ],
    },
    Rights {
        verb: "cache delete",
        rules: &[
            core("configmaps", &["get", "delete"]),
            USERS[0],
            USERS[1],
            USERS[2],
            CACHE_ELSEWHERE,
            CACHE_HOMES,
            OTHER_WORKFLOWS,
            OTHER_TEMPLATES[0],
            OTHER_TEMPLATES[1],
            OTHER_TEMPLATES[2],
        ],
    },
    Rights { verb: "semaphore set", rules: &[core("configmaps", &["get", "create", "patch"])] },
    Rights {
        verb: "semaphore list",
        rules: &[core("configmaps", &["get"]), argo("workflows", &["list"]), OTHER_WORKFLOWS],
    },
    Rights {
        verb: "semaphore get",
        rules: &[core("configmaps", &["get"]), argo("workflows", &["list"]), OTHER_WORKFLOWS],
    },
    Rights {
        verb: "semaphore wait",
        rules: &[
            core("configmaps", &["get"]),
            argo("workflows", &["list", "watch"]),
            optional(core("configmaps", &["watch"]), "a limit that is raised is not noticed"),
            optional(of_cluster(argo("workflows", &["list", "watch"])), "workflows of other namespaces are not seen"),
        ],
    },
    Rights {
        verb: "semaphore delete",
        rules: &[core("configmaps", &["get", "patch"]), argo("workflows", &["list"]), OTHER_WORKFLOWS],
    },
    Rights { verb: "bundle install", rules: &INSTALL },
    Rights { verb: "bundle diff", rules: &INSTALL },
    Rights {
        verb: "bundle uninstall",
        rules: &[
            core("configmaps", &["get", "delete"]),
            core("serviceaccounts", &["get", "delete"]),
            rbac("roles", &["get", "delete"]),
            rbac("rolebindings", &["get", "delete"]),
            argo("workflowtemplates", &["get", "delete"]),
            argo("cronworkflows", &["get", "delete"]),
            argo("eventbus", &["get", "delete"]),
            argo("eventsources", &["get", "delete"]),
            argo("sensors", &["get", "delete"]),
        ],
    },
];

/// The rules of a Role for these verbs, merged: one for each resource, what is optional included. Rights in the whole cluster
/// are left out.
pub(crate) fn rules(verbs: &[String]) -> Result<Vec<Value>, BundleError> {
    let mut merged: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for verb in verbs {
        let of_verb = |rights: &&Rights| {
            rights.verb == verb || rights.verb.strip_prefix(verb.as_str()).is_some_and(|rest| rest.starts_with(' '))
        };
        let mut rows = RIGHTS.iter().filter(of_verb).peekable();
        if rows.peek().is_none() {
            return Err(BundleError::Verb(verb.clone()));
        }
        for rule in rows.flat_map(|row| row.rules).filter(|rule| !rule.cluster) {
            let known =
                merged.iter().position(|(group, resource, _)| (*group, *resource) == (rule.group, rule.resource));
            let place = known.unwrap_or_else(|| {
                merged.push((rule.group, rule.resource, Vec::new()));
                merged.len() - 1
            });
            let missing = rule.verbs.iter().filter(|verb| !merged[place].2.contains(verb)).copied().collect::<Vec<_>>();
            merged[place].2.extend(missing);
        }
    }
    let value = |(group, resource, verbs)| json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
    Ok(merged.into_iter().map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(verbs: &[&str]) -> Result<Vec<Value>, BundleError> {
        rules(&verbs.iter().map(|verb| (*verb).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_rules_of_several_verbs_are_merged() {
        let rules = of(&["wait", "list"]).unwrap();
        assert_eq!(
            rules,
            [json!({"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["get", "watch", "list"]})]
        );
        let submit = of(&["submit"]).unwrap();
        assert!(submit.iter().any(|rule| rule["resources"][0] == "leases"), "all forms of the verb count");
        let forms = of(&["submit --wait"]).unwrap();
        assert_eq!(forms[0]["verbs"], json!(["create", "get", "watch"]));
        assert_eq!(of(&["sub"]), Err(BundleError::Verb("sub".to_owned())));
    }

    #[test]
    fn each_row_is_named_once() {
        let names: std::collections::BTreeSet<&str> = RIGHTS.iter().map(|rights| rights.verb).collect();
        assert_eq!(names.len(), RIGHTS.len());
    }
}
