//! The coderun template on a real controller: from an empty namespace to parallel runs, by the documented commands.

use std::collections::BTreeSet;
use std::thread;

use serde_json::Value;

use crate::image::image;
use crate::namespace::{Namespace, with_namespace};
use crate::support::git_server::GitServer;
use crate::support::repository::Repository;

const TEMPLATE: &str = "workflowtemplate/coderun-template";
/// Fails unless the tree is clean, sound and its own; says which it is.
const WORK: &str = r#"test "$PWD" = "$WORKSPACE" && test -z "$(git status --porcelain)" && git fsck --connectivity-only && touch own && sleep 4"#;
/// How long each works.
const SECONDS: i64 = 4;
const RUNS: usize = 20;

/// A forge with exampleorg/sample, a namespace with the components, and the runs of a test.
struct Team<'a> {
    namespace: &'a Namespace,
    server: GitServer,
    _repository: Repository,
}

impl<'a> Team<'a> {
    fn new(namespace: &'a Namespace, settings: &[&str]) -> Self {
        let repository = Repository::new();
        let forge = repository.path("forge/exampleorg");
        std::fs::create_dir_all(&forge).unwrap();
        let source = repository.source();
        repository.git(&forge, &["clone", "-q", "--mirror", source.to_str().unwrap(), "sample.git"]);
        let server = GitServer::start(&repository.path("forge"), None);
        let address = format!("server={}", server.origin);
        let command = format!("command={WORK}");
        let own = [
            "bundle",
            "install",
            "semaphores",
            "rbac",
            "coderun",
            "--image",
            image(),
            "--set",
            &address,
            "--set",
            &command,
        ];
        let _ = namespace.run(&[&own, settings].concat()).exits(0);
        Self { namespace, server, _repository: repository }
    }

    fn start(&self, more: &[&str]) -> String {
        let own = ["submit", "--from", TEMPLATE, "-p", "owner=exampleorg", "-p", "repo=sample", "-o", "name", "-q"];
        let done = self.namespace.run(&[&own, more].concat()).exits(0);
        done.stdout.trim().strip_prefix("workflow.argoproj.io/").unwrap().to_owned()
    }

    /// Starts runs side by side, and waits for their ends.
    fn runs(&self, more: &[&str]) -> Vec<Value> {
        let names: Vec<String> = thread::scope(|scope| {
            let starting: Vec<_> = (0..RUNS).map(|_| scope.spawn(|| self.start(more))).collect();
            starting.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), RUNS);
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let waited = self.namespace.run_long(&[&["wait"], all.as_slice()].concat());
        assert_eq!(waited.code, Some(0), "{waited:?}");
        names.iter().map(|name| self.namespace.workflow(name).unwrap()).collect()
    }
}

/// The node that worked, of a run that has ended.
fn work(workflow: &Value) -> &Value {
    let nodes = workflow["status"]["nodes"].as_object().unwrap().values();
    let mut nodes = nodes.filter(|node| node["type"] == "Pod" && node["templateName"] != "ensure-limit");
    nodes.next().unwrap_or_else(|| panic!("nobody has worked: {:#}", workflow["status"]))
}

fn task(workflow: &Value) -> &str {
    let inputs = work(workflow)["inputs"]["parameters"].as_array().unwrap();
    inputs.iter().find(|input| input["name"] == "taskId").unwrap()["value"].as_str().unwrap()
}

/// When the work of each run ended, in order. A node begins while it waits for its lock, so only the ends tell.
fn ends(workflows: &[Value]) -> Vec<i64> {
    let end = |workflow: &Value| {
        work(workflow)["finishedAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
    };
    let mut ends: Vec<i64> = workflows.iter().map(end).collect();
    ends.sort_unstable();
    ends
}

/// Of more runs than the limit that end within the time that each works, all would have held a place at once. Times are
/// whole seconds.
fn assert_at_most(limit: usize, ends: &[i64]) {
    for together in ends.windows(limit + 1) {
        assert!(together[limit] - together[0] >= SECONDS - 1, "more than {limit} at once: {ends:?}");
    }
}

#[test]
fn twenty_runs_of_a_branch_work_one_after_another_and_a_raised_limit_lets_more_in() {
    with_namespace(|namespace| {
        let team = Team::new(namespace, &["--set", "keepPods=1s"]);
        let alone = team.runs(&[]);
        assert_eq!(alone.iter().map(task).collect::<BTreeSet<_>>().len(), RUNS, "distinct trees");
        assert_at_most(1, &ends(&alone));

        let _ = namespace.run(&["semaphore", "set", "exampleorg/sample@main", "5"]).exits(0);
        let together = team.runs(&[]);
        let ends = ends(&together);
        assert_at_most(5, &ends);
        assert!(ends.windows(2).any(|pair| pair[1] - pair[0] < SECONDS - 1), "several at once: {ends:?}");
        assert_eq!(namespace.claims(), 0, "an emptyDir needs no claim");
        assert!(team.server.requests() >= 2 * RUNS as u64);
    });
}

#[test]
fn a_volume_of_the_pod_s_own_goes_with_the_pod() {
    with_namespace(|namespace| {
        let team = Team::new(namespace, &["--set", "keepPods=1s", "--set", "limit=5", "--set", "storageSize=1Gi"]);
        let name = team.start(&["-p", "usePVC=true", "-p", "taskId=task-7"]);
        let _ = namespace.run(&["wait", &name]).exits(0);
        let workflow = namespace.workflow(&name).unwrap();
        assert_eq!((task(&workflow), &work(&workflow)["templateName"]), ("task-7", &"in-pvc".into()));
        namespace.once("the claim is gone", || namespace.claims() == 0);

        let runs = team.runs(&["-p", "usePVC=true"]);
        assert_at_most(5, &ends(&runs));
        namespace.once("all claims are gone", || namespace.claims() == 0);
    });
}

#[test]
fn the_task_is_the_given_one_else_that_of_the_pull_request_else_the_workflow_s() {
    with_namespace(|namespace| {
        let team = Team::new(namespace, &["--set", "limit=3"]);
        let given = team.start(&["-p", "taskId=mine", "-p", "prNumber=7"]);
        let pull = team.start(&["-p", "prNumber=7", "-p", "ref=refs/pull/7/head"]);
        let neither = team.start(&[]);
        let _ = namespace.run(&["wait", &given, &pull, &neither]).exits(0);
        let of = |name: &str| task(&namespace.workflow(name).unwrap()).to_owned();
        assert_eq!((of(&given), of(&pull), of(&neither)), ("mine".to_owned(), "pr-7".to_owned(), neither.clone()));
        let list = namespace.run(&["semaphore", "get", "exampleorg/sample@refs/pull/7/head", "-o", "json"]).exits(0);
        assert_eq!(list.json()["limit"], 3, "the key of the pull request's ref");
    });
}
