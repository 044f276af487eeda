//! `submit --isolate` on a real controller: the worktree is made in the pod that works in it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::image::image;
use crate::namespace::{Namespace, with_namespace};
use crate::run::Run;
use crate::support::git_server::GitServer;
use crate::support::repository::Repository;

/// Each call says where it works and what it has, and has nothing of the others.
fn flow(command: &str, user: u32) -> String {
    let image = image();
    format!(
        r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: iso-}}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {{name: work, template: work, withItems: [a, b, c], arguments: {{parameters: [{{name: item, value: "{{{{item}}}}"}}]}}}}
  - name: work
    inputs: {{parameters: [{{name: item}}]}}
    outputs:
      parameters:
      - {{name: path, valueFrom: {{path: /tmp/path}}}}
      - {{name: head, valueFrom: {{path: /tmp/head}}}}
    container:
      image: {image}
      securityContext: {{runAsUser: {user}}}
      command: [sh, -ce]
      args: ['{command}']
"#
    )
}

const WORK: &str = r#"test "$PWD" = "$WORKSPACE"; echo "$PWD" > /tmp/path; git rev-parse HEAD > /tmp/head; test -z "$(git status --porcelain)"; echo {{inputs.parameters.item}} > own"#;

struct Served {
    repository: Repository,
    /// It serves as long as it lives.
    server: GitServer,
}

impl Served {
    fn new() -> Self {
        let repository = Repository::new();
        let server = GitServer::start(repository.directory(), None);
        Self { repository, server }
    }

    fn url(&self) -> String {
        format!("{}/source/.git#refs/heads/main", self.server.origin)
    }

    fn submit(&self, namespace: &Namespace, command: &str, more: &[&str], code: i32) -> Run {
        // Volumes of a directory of the host belong to root, and know no groups.
        let user = if more.contains(&"emptydir") { 65532 } else { 0 };
        let url = self.url();
        let own = ["--repo", &url, "--image", image()];
        namespace.submit(&flow(command, user), &[&own, more].concat(), code)
    }
}

fn outputs<'a>(run: &'a Run, name: &'a str) -> Vec<&'a str> {
    let pods = run.nodes().filter(|node| node["type"] == "Pod" && node["templateName"] == "work");
    let parameter = |node: &'a Value| {
        let parameters = node["outputs"]["parameters"].as_array().unwrap();
        parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["value"].as_str().unwrap()
    };
    pods.map(parameter).collect()
}

#[test]
fn each_pod_works_in_a_worktree_of_its_own() {
    with_namespace(|namespace| {
        let served = Served::new();
        let run = served.submit(namespace, WORK, &["--isolate", "emptydir"], 0);
        let paths: BTreeSet<&str> = outputs(&run, "path").into_iter().collect();
        assert_eq!(paths.len(), 3, "{paths:?}");
        let begin = format!("/work/trees/run-{}-", run.parameter("run_id"));
        assert!(paths.iter().all(|path| path.len() == begin.len() + 12 && path.starts_with(&begin)), "{paths:?}");
        assert!(outputs(&run, "head").iter().all(|head| *head == served.repository.main));
    });
}

#[test]
fn a_retry_works_in_the_same_tree_and_skips_what_succeeded() {
    with_namespace(|namespace| {
        let served = Served::new();
        let failing = format!(r#"{WORK}; test {{{{inputs.parameters.item}}}} != b -o -n "$RUNNABLE_RETRY_RUN_ID""#);
        let first = served.submit(namespace, &failing, &["--isolate", "emptydir"], 3);
        let second = namespace.retry(&first, &[], 0);
        assert_eq!(second.hits().len(), 2, "{:?}", second.hits());
        let paths = |run: &Run| outputs(run, "path").into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(paths(&second).len(), 3);
        assert!(paths(&first).is_subset(&paths(&second)), "the calls have the same trees");
    });
}

#[test]
fn a_claim_of_the_workflow_is_shared_and_goes_with_it() {
    with_namespace(|namespace| {
        let served = Served::new();
        let waiting = format!("{WORK}; sleep 1");
        let run = served.submit(namespace, &waiting, &["--isolate", "pvc", "--storage-size", "1Gi"], 0);
        let claim = &run.object["spec"]["volumeClaimTemplates"][0];
        assert_eq!(claim["metadata"]["labels"]["workflow"], run.name());
        let paths: BTreeSet<&str> = outputs(&run, "path").into_iter().collect();
        assert_eq!(paths.len(), 3, "{paths:?}");
        namespace.once("no claim is left", || namespace.claims() == 0);
    });
}

#[test]
fn a_claim_that_exists_keeps_a_tree_for_the_retry_only() {
    with_namespace(|namespace| {
        let served = Served::new();
        let claim = serde_json::json!({"metadata": {"name": "trees"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}});
        namespace.post(&format!("/api/v1/namespaces/{}/persistentvolumeclaims", namespace.name), &claim);
        let missing = namespace.run(&["submit", &namespace.file("w.yaml", &flow(WORK, 0)), "--isolate", "claim:none"]);
        assert!(missing.exits(6).stderr.contains("claim \"none\" does not exist"));

        // The second attempt finds what the first has left in its tree.
        let command =
            r#"echo "$PWD" > /tmp/path; git rev-parse HEAD > /tmp/head; test -e own || { touch own; exit 1; }"#;
        let first = served.submit(namespace, command, &["--isolate", "claim:trees"], 3);
        let second = namespace.retry(&first, &[], 0);
        assert_eq!(outputs(&second, "path").len(), 3);

        let listing = "ls -A /work/trees > /tmp/path; git rev-parse HEAD > /tmp/head";
        let last = served.submit(namespace, listing, &["--isolate", "claim:trees"], 0);
        let listed = outputs(&last, "path").join("\n");
        assert!(!listed.contains(second.parameter("run_id")), "{listed}");
        assert_eq!(namespace.claims(), 1, "the claim is not the workflow's");
    });
}

#[test]
fn the_pods_of_a_run_take_turns_in_one_tree() {
    with_namespace(|namespace| {
        let served = Served::new();
        let command = r#"echo "$PWD" > /tmp/path; git rev-parse HEAD > /tmp/head; mkdir busy; echo {{inputs.parameters.item}} >> all; sleep 1; test -d busy; git clean -fdq busy"#;
        let run = served.submit(namespace, command, &["--isolate", "pvc", "--tree", "run"], 0);
        let paths: BTreeSet<&str> = outputs(&run, "path").into_iter().collect();
        assert_eq!(paths, BTreeSet::from([format!("/work/trees/run-{}", run.parameter("run_id")).as_str()]));
    });
}
