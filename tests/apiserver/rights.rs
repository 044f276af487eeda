//! Each verb under exactly the rights that the table gives it: nothing more is asked for, nothing of it is superfluous.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::StreamExt;
use kubectl_runnable::testing::bundle::{RIGHTS, Rights, Rule};
use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::{Server, User};
use crate::support::output::Output;

/// What is asked of the API server: in the whole cluster or not, group, resource, verb.
type Asked = BTreeSet<(bool, String, String, String)>;

/// A verb as it is tried.
#[derive(Clone, Copy)]
struct Trial {
    /// Its row in the table.
    verb: &'static str,
    arguments: &'static [&'static str],
    /// What an administrator does before.
    before: Before,
    /// The workflow that a controller ends once the verb watches.
    ends: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Before {
    Nothing,
    /// Runs this.
    Runs(&'static [&'static str]),
    /// Deletes the limits.
    Deletes,
}

fn succeeded() -> Value {
    let labels = json!({"workflows.argoproj.io/completed": "true"});
    json!({"metadata": {"labels": labels}, "status": {"phase": "Succeeded", "synchronization": null}})
}

const fn trial(verb: &'static str, arguments: &'static [&'static str]) -> Trial {
    Trial { verb, arguments, before: Before::Nothing, ends: None }
}

const fn ending(ends: &'static str, trial: Trial) -> Trial {
    Trial { ends: Some(ends), ..trial }
}

const fn after(before: &'static [&'static str], trial: Trial) -> Trial {
    Trial { before: Before::Runs(before), ..trial }
}

const fn without_limits(trial: Trial) -> Trial {
    Trial { before: Before::Deletes, ..trial }
}

const PARTS: [&[&str]; 3] = [
    &["bundle", "install", "semaphores", "rbac"],
    &["bundle", "install", "coderun", "cleanup", "--image", "i:1", "--set", "claim=c"],
    &["bundle", "install", "sensor", "--set", "owner=o", "--set", "repositories=r"],
];

const SUBMITTED: &[&str] = &["submit", "generated.json", "--debounce-key", "k", "--debounce", "1h"];

const TRIALS: &[Trial] = &[
    trial("submit", &["submit", "new.json"]),
    ending("new", trial("submit --wait", &["submit", "new.json", "--wait"])),
    trial("submit --from workflowtemplate", &["submit", "--from", "wftmpl/shared", "-p", "date=1"]),
    trial("submit --from clusterworkflowtemplate", &["submit", "--from", "cwft/everywhere"]),
    trial("submit --from cronworkflow", &["submit", "--from", "cronwf/nightly"]),
    trial("submit --semaphore", &["submit", "new.json", "--semaphore", "k=1"]),
    without_limits(trial("submit --semaphore", &["submit", "new.json", "--semaphore", "k=1"])),
    trial("submit --isolate claim", &["submit", "new.json", "--isolate", "claim:trees"]),
    trial("submit --owner", &["submit", "new.json", "--owner", "configmap/owner"]),
    trial("submit --resume", &["submit", "failed.json", "--resume"]),
    trial("submit --debounce", SUBMITTED),
    after(SUBMITTED, trial("submit --debounce", SUBMITTED)),
    after(
        SUBMITTED,
        trial("submit --debounce", &["submit", "generated.json", "--debounce-key", "k", "--debounce", "1s"]),
    ),
    trial("retry", &["retry", "failed", "--yes"]),
    trial("retry --plan", &["retry", "failed", "--plan"]),
    trial("retry --memoized", &["retry", "failed", "--memoized", "--yes"]),
    trial("retry --in-place", &["retry", "failed", "--in-place", "--yes"]),
    trial("list", &["list"]),
    trial("status", &["status", "running"]),
    trial("status", &["status", "failed"]),
    ending("running", trial("wait", &["wait", "running"])),
    ending("running", trial("watch", &["watch", "running"])),
    trial("progress", &["progress", "running"]),
    trial("logs", &["logs", "failed"]),
    ending("running", trial("logs --follow", &["logs", "running", "--follow"])),
    trial("report", &["report", "failed", "-o", "json"]),
    trial("suspend", &["suspend", "running"]),
    trial("resume", &["resume", "held"]),
    trial("stop", &["stop", "running"]),
    trial("terminate", &["terminate", "running"]),
    trial("delete", &["delete", "failed", "--yes"]),
    trial("template list", &["template", "list"]),
    trial("template get", &["template", "get", "shared"]),
    trial("cluster-template list", &["cluster-template", "list"]),
    trial("cluster-template get", &["cluster-template", "get", "everywhere"]),
    trial("cron list", &["cron", "list"]),
    trial("cron get", &["cron", "get", "nightly"]),
    trial("cron suspend", &["cron", "suspend", "nightly"]),
    trial("cron submit", &["cron", "submit", "nightly"]),
    trial("cache list", &["cache", "list"]),
    trial("cache inspect", &["cache", "inspect", "runnable-aaaaaa"]),
    trial("cache prune", &["cache", "prune", "runnable-aaaaaa", "--older", "1h", "--yes"]),
    trial("cache delete", &["cache", "delete", "runnable-unused", "--yes"]),
    trial("semaphore set", &["semaphore", "set", "k", "3"]),
    without_limits(trial("semaphore set", &["semaphore", "set", "k", "3"])),
    trial("semaphore list", &["semaphore", "list"]),
    trial("semaphore get", &["semaphore", "get", "other"]),
    ending("running", trial("semaphore wait", &["semaphore", "wait", "busy"])),
    trial("semaphore delete", &["semaphore", "delete", "other"]),
    trial("bundle install", PARTS[0]),
    trial("bundle install", PARTS[1]),
    trial("bundle install", PARTS[2]),
    without_limits(trial("bundle install", PARTS[0])),
    trial("bundle diff", &["bundle", "diff", "semaphores", "rbac"]),
    without_limits(trial("bundle diff", &["bundle", "diff", "semaphores"])),
    trial("bundle diff", &["bundle", "diff", "coderun", "cleanup", "--image", "i:1", "--set", "claim=c"]),
    trial("bundle diff", &["bundle", "diff", "sensor", "--set", "owner=o", "--set", "repositories=r"]),
    after(PARTS[0], trial("bundle uninstall", &["bundle", "uninstall", "semaphores", "rbac", "--force"])),
    after(PARTS[1], trial("bundle uninstall", &["bundle", "uninstall", "coderun", "cleanup"])),
    after(PARTS[2], trial("bundle uninstall", &["bundle", "uninstall", "sensor"])),
];

/// Rights that no request shows: what a patch that creates needs, what giving rights needs, and logs, which no kubelet has here.
fn is_silent(verb: &str, asked: &(bool, String, String, String)) -> bool {
    let of_bundle = verb.starts_with("bundle") && ["create", "escalate", "bind"].contains(&asked.3.as_str());
    of_bundle || ["pods/log", "cronworkflows/finalizers"].contains(&asked.2.as_str())
}

/// A namespace is looked at to explain why something is missing in it; without that the explanation is shorter.
fn is_explanation(asked: &(bool, String, String, String)) -> bool {
    asked.2 == "namespaces"
}

/// What the verbs find in the namespace.
async fn furnish(namespace: &Namespace) {
    let template = json!({"name": "main", "container": {"image": "alpine", "command": ["true"]}});
    let spec = json!({"entrypoint": "main", "templates": [template]});
    let run = |name: &str, status: Value, spec: &Value| {
        let mut spec = spec.clone();
        let parameters = [("run_id", name), ("retry_run_id", ""), ("retry_indicator", "")];
        let parameters = parameters.map(|(name, value)| json!({"name": name, "value": value}));
        spec["arguments"] = json!({"parameters": parameters});
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": spec, "status": status,
            "metadata": {"name": name, "labels": {"kubectl-runnable/run-id": name}, "annotations": {}}})
    };
    let node = |name: &str, phase: &str| json!({name: {"id": name, "name": name, "displayName": name, "type": "Pod", "phase": phase, "templateName": "main"}});
    let mut held = spec.clone();
    held["suspend"] = json!(true);
    let mut memoized = spec.clone();
    memoized["templates"][0]["memoize"] =
        json!({"key": "k", "maxAge": "", "cache": {"configMap": {"name": "runnable-aaaaaa"}}});
    let mut failed = run(
        "failed",
        json!({"phase": "Failed", "startedAt": "2026-11-21T10:00:00Z",
        "finishedAt": "2026-11-21T10:01:00Z", "nodes": node("failed", "Failed")}),
        &memoized,
    );
    failed["metadata"]["labels"]["workflows.argoproj.io/completed"] = json!("true");
    let lock = format!("{}/ConfigMap/workflow-semaphores/busy", namespace.name);
    let holding = json!([{"semaphore": lock, "holders": [format!("{}/running", namespace.name)]}]);
    let running = run(
        "running",
        json!({"phase": "Running", "nodes": node("running", "Running"),
        "synchronization": {"semaphore": {"holding": holding}}}),
        &spec,
    );
    for workflow in [failed, running, run("held", json!({"phase": "Running"}), &held)] {
        namespace.create("workflows", &workflow).await;
    }
    let object = |kind: &str, name: &str, spec: &Value| json!({"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let mut shared = spec.clone();
    shared["arguments"] = json!({"parameters": [{"name": "date"}]});
    namespace.create("workflowtemplates", &object("WorkflowTemplate", "shared", &shared)).await;
    let schedule = json!({"schedules": ["0 0 * * *"], "workflowSpec": spec});
    namespace.create("cronworkflows", &object("CronWorkflow", "nightly", &schedule)).await;
    let map =
        |name: &str, labels: Value, data: Value| json!({"metadata": {"name": name, "labels": labels}, "data": data});
    namespace.create("configmaps", &map("workflow-semaphores", json!({}), json!({"other": "2", "busy": "1"}))).await;
    namespace.create("configmaps", &map("owner", json!({}), json!({}))).await;
    let entry = json!({"nodeID": "n", "outputs": null, "creationTimestamp": "2026-11-21T10:00:00Z",
        "lastHitTimestamp": "2026-11-21T10:00:00Z"});
    let cache = json!({"workflows.argoproj.io/configmap-type": "Cache"});
    namespace.create("configmaps", &map("runnable-aaaaaa", cache.clone(), json!({"k": entry.to_string()}))).await;
    namespace.create("configmaps", &map("runnable-unused", cache, json!({"k": entry.to_string()}))).await;
    let claim = json!({"metadata": {"name": "trees"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}}});
    namespace.create("persistentvolumeclaims", &claim).await;
}

/// A user of one trial, known to the audit log by its name.
struct Somebody<'a> {
    namespace: &'a Namespace,
    name: String,
}

impl<'a> Somebody<'a> {
    /// Gives a new user these rules in the namespace.
    async fn with(namespace: &'a Namespace, rules: &[Value], of_cluster: &[Value]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("somebody-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let own = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", namespace.name);
        let all = "/apis/rbac.authorization.k8s.io/v1".to_owned();
        for (path, roles, bindings, kind, rules) in [
            (&own, "roles", "rolebindings", "Role", rules),
            (&all, "clusterroles", "clusterrolebindings", "ClusterRole", of_cluster),
        ] {
            if rules.is_empty() {
                continue;
            }
            namespace.post(&format!("{path}/{roles}"), &json!({"metadata": {"name": name}, "rules": rules})).await;
            let binding = json!({
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
                "subjects": [{"kind": "User", "name": name}],
            });
            namespace.post(&format!("{path}/{bindings}"), &binding).await;
        }
        let somebody = Self { namespace, name };
        for (rules, within) in [(rules, Some(namespace.name.as_str())), (of_cluster, None)] {
            for rule in rules {
                somebody.until_allowed(rule, within).await;
            }
        }
        somebody
    }

    /// The server applies a rule after its authorizer's watch has seen it.
    async fn until_allowed(&self, rule: &Value, within: Option<&str>) {
        let text = |field: &str| rule[field][0].as_str().unwrap();
        let (resource, subresource) = text("resources").split_once('/').unwrap_or((text("resources"), ""));
        for verb in rule["verbs"].as_array().unwrap() {
            let asked = json!({"namespace": within.unwrap_or_default(), "group": text("apiGroups"), "verb": verb,
                "resource": resource, "subresource": subresource});
            let review = json!({"spec": {"user": self.name, "resourceAttributes": asked}});
            let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
            let allowed =
                async || (self.namespace.post(path, &review).await["status"]["allowed"] == true).then_some(());
            crate::support::wait::until(&format!("{} may: {asked}", self.name), allowed).await;
        }
    }

    /// Runs the verb to its end; the test plays the controller once it watches.
    async fn tries(&self, trial: &Trial) -> Output {
        let arguments = written(self.namespace, trial.arguments);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--as", &self.name]).collect();
        let mut child: Child = self.namespace.command(User::Admin, &arguments).spawn().unwrap();
        if let Some(name) = trial.ends {
            while child.try_wait().unwrap().is_none() {
                if self.asked().iter().any(|(_, _, resource, verb)| resource == "workflows" && verb == "watch") {
                    self.namespace.patch("workflows", name, &succeeded()).await;
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        tokio::task::spawn_blocking(move || child.wait_with_output().unwrap().into()).await.unwrap()
    }

    fn asked(&self) -> Asked {
        let events = Server::argo().audited(&self.name);
        events
            .iter()
            .map(|event| {
                let of = |field: &str| event["objectRef"][field].as_str().unwrap_or_default();
                let resource = match of("subresource") {
                    "" => of("resource").to_owned(),
                    subresource => format!("{}/{subresource}", of("resource")),
                };
                let verb = event["verb"].as_str().unwrap_or_default();
                (of("namespace").is_empty(), of("apiGroup").to_owned(), resource, verb.to_owned())
            })
            .collect()
    }
}

/// Arguments with the files that they name.
fn written(namespace: &Namespace, arguments: &[&str]) -> Vec<String> {
    let directory = namespace.kubeconfig(User::Admin).parent().unwrap().to_owned();
    let written = arguments.iter().map(|argument| {
        let is_file = std::path::Path::new(argument).extension().is_some();
        if is_file { document(&directory, argument) } else { (*argument).to_owned() }
    });
    written.collect()
}

/// A workflow in a file.
fn document(directory: &std::path::Path, name: &str) -> String {
    let metadata = match name {
        "generated.json" => json!({"generateName": "made-"}),
        name => json!({"name": name.trim_end_matches(".json")}),
    };
    let document = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {
        "entrypoint": "main",
        "templates": [{"name": "main", "container": {"image": "alpine", "command": ["true"]}}],
    }});
    let path = directory.join(name);
    crate::support::files::write(&path, document.to_string());
    path.to_str().unwrap().to_owned()
}

async fn cluster_template(namespace: &Namespace) {
    if namespace.get("clusterworkflowtemplates", "everywhere").await.is_none() {
        let template = json!({"name": "main", "container": {"image": "alpine", "command": ["true"]}});
        let spec = json!({"entrypoint": "main", "templates": [template]});
        let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ClusterWorkflowTemplate",
            "metadata": {"name": "everywhere"}, "spec": spec});
        namespace.create("clusterworkflowtemplates", &object).await;
    }
}

fn rules_of(rights: &Rights, is_wanted: impl Fn(&Rule) -> bool) -> Asked {
    let wanted = rights.rules.iter().filter(|rule| is_wanted(rule));
    let asked =
        |rule: &Rule, verb: &str| (rule.cluster, rule.group.to_owned(), rule.resource.to_owned(), verb.to_owned());
    wanted.flat_map(|rule| rule.verbs.iter().map(move |verb| asked(rule, verb))).collect()
}

/// Does the trials of a row as somebody who may do this and nothing else: how each ended, and what was asked for.
async fn tried(rights: &Rights, allowed: &Asked) -> (Vec<Output>, Asked) {
    let rules = |cluster: bool| -> Vec<Value> {
        let of_place = allowed.iter().filter(|(everywhere, ..)| *everywhere == cluster);
        of_place
            .map(|(_, group, resource, verb)| json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]}))
            .collect()
    };
    let (mut outputs, mut asked) = (Vec::new(), Asked::new());
    for trial in TRIALS.iter().filter(|trial| trial.verb == rights.verb) {
        let namespace = Namespace::new().await;
        furnish(&namespace).await;
        match trial.before {
            Before::Nothing => {}
            Before::Deletes => namespace.delete("configmaps", "workflow-semaphores").await,
            Before::Runs(arguments) => {
                namespace.delete("configmaps", "workflow-semaphores").await;
                let arguments = written(&namespace, arguments);
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let _ = namespace.run(User::Admin, &arguments).exits(0);
                if trial.arguments.contains(&"1s") {
                    tokio::time::sleep(Duration::from_millis(2100)).await;
                }
            }
        }
        let somebody = Somebody::with(&namespace, &rules(false), &rules(true)).await;
        outputs.push(somebody.tries(trial).await);
        asked.extend(somebody.asked());
    }
    assert!(!outputs.is_empty(), "{} is not tried", rights.verb);
    (outputs, asked)
}

/// What is wrong with a row of the table.
async fn faults(rights: &Rights) -> Vec<String> {
    let (all, required) = (rules_of(rights, |_| true), rules_of(rights, |rule| rule.without.is_none()));
    let mut faults = Vec::new();
    let mut asked = Asked::new();
    for (what, allowed) in [("all rules", &all), ("the required rules", &required)] {
        let (outputs, of_these) = tried(rights, allowed).await;
        let failed = outputs.iter().filter(|output| output.code != Some(0));
        faults.extend(failed.map(|output| format!("{}: fails with {what}: {output:?}", rights.verb)));
        asked.extend(of_these);
    }
    asked.retain(|asked| !is_explanation(asked));
    faults.extend(
        asked.difference(&all).map(|missing| format!("{}: asks for {missing:?}, which no rule allows", rights.verb)),
    );
    let superfluous = all.difference(&asked).filter(|rule| !is_silent(rights.verb, rule));
    faults.extend(superfluous.map(|rule| format!("{}: {rule:?} is superfluous", rights.verb)));

    for rule in required.iter().filter(|rule| rule.2 != "pods/log") {
        let fewer: Asked = required.iter().filter(|other| *other != rule).cloned().collect();
        let (outputs, _) = tried(rights, &fewer).await;
        if outputs.iter().all(|output| output.code == Some(0)) {
            faults.push(format!("{}: does without {rule:?}", rights.verb));
        }
        // The refusal gives the rule, ready to be pasted. Of what no request shows, the server tells in its own words.
        let group = if rule.1.is_empty() { "\"\"" } else { &rule.1 };
        let pasted = format!("{{apiGroups: [{group}], resources: [{}], verbs: [{}]}}", rule.2, rule.3);
        // Where a cache may lie elsewhere, the advice is to say where.
        let is_told_otherwise = rights.verb.starts_with("cache") && rule.2 == "configmaps";
        if !is_silent(rights.verb, rule)
            && !is_told_otherwise
            && !outputs.iter().any(|output| output.stderr.contains(&pasted))
        {
            faults.push(format!("{}: without {rule:?} the rule is not told: {outputs:?}", rights.verb));
        }
    }
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_verb_has_the_rights_that_it_needs_and_no_others() {
    let first = Namespace::new().await;
    cluster_template(&first).await;
    let tried: BTreeSet<&str> = TRIALS.iter().map(|trial| trial.verb).collect();
    let listed: BTreeSet<&str> = RIGHTS.iter().map(|rights| rights.verb).collect();
    assert_eq!(tried, listed);
    let faults: Vec<Vec<String>> = futures::stream::iter(RIGHTS).map(faults).buffer_unordered(8).collect().await;
    let faults = faults.concat();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
