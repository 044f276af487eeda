//! `submit --exec-cache` on a real controller: pods look up their entries in a bucket of a real S3 server.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::image::image;
use crate::namespace::{Namespace, PATIENCE, with_namespace};
use crate::object_server::{ACCESS, REGION, SECRET, Server};
use crate::run::Run;
use crate::support::output::Output;
use crate::support::process::Running;

/// Each node that runs gives what no other run of it gives.
fn flow(last: &str) -> String {
    let image = image();
    format!(
        r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: pods-}}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {{name: make, template: make}}
      - {{name: say, template: say}}
    - - name: each
        template: each
        withItems: [a, b]
        arguments: {{parameters: [{{name: word, value: "{{{{item}}}} {{{{steps.make.outputs.parameters.word}}}} {{{{steps.say.outputs.result}}}}"}}]}}
    - - {{name: last, template: last}}
  - name: make
    outputs:
      parameters:
      - {{name: word, valueFrom: {{path: /tmp/word}}}}
      - {{name: maybe, valueFrom: {{path: /tmp/absent, default: none}}}}
    container:
      image: {image}
      securityContext: {{runAsUser: 65532}}
      command: [sh, -ce]
      args: ['cat /proc/sys/kernel/random/uuid > /tmp/word; test -z "$(env | cat - | while read line; do case $line in RUNNABLE_STORE_*) echo $line;; esac; done)"']
  - name: say
    script: {{image: {image}, command: [sh], source: 'cat /proc/sys/kernel/random/uuid'}}
  - name: each
    inputs: {{parameters: [{{name: word}}]}}
    outputs: {{parameters: [{{name: out, valueFrom: {{path: /tmp/out}}}}]}}
    retryStrategy: {{limit: "1"}}
    container:
      image: {image}
      command: [sh, -ce]
      args: ['echo "{{{{inputs.parameters.word}}}} $(cat /proc/sys/kernel/random/uuid)" > /tmp/out']
  - name: last
    container: {{image: {image}, command: [sh, -c, '{last}']}}
"#
    )
}

/// A bucket that the pods of a namespace have the credentials of.
struct Bucket<'a> {
    namespace: &'a Namespace,
    name: String,
    files: std::path::PathBuf,
}

impl<'a> Bucket<'a> {
    fn of(namespace: &'a Namespace) -> Self {
        let (name, files) = Server::shared().bucket();
        let credentials = json!({"ACCESS_KEY_ID": ACCESS, "SECRET_ACCESS_KEY": SECRET});
        let secret = json!({"metadata": {"name": "ci-cache"}, "stringData": credentials});
        namespace.post(&format!("/api/v1/namespaces/{}/secrets", namespace.name), &secret);
        Self { namespace, name, files }
    }

    fn url(&self, host: &str) -> String {
        let port = Server::shared().port;
        format!("s3://{}/team?endpoint=http://{host}:{port}&region={REGION}&path_style=true", self.name)
    }

    /// Runs the program with the credentials of the store.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.namespace.command(arguments);
        command.env("RUNNABLE_STORE_ACCESS_KEY_ID", ACCESS).env("RUNNABLE_STORE_SECRET_ACCESS_KEY", SECRET);
        command.env("RUNNABLE_HOME", self.namespace.directory.path().join("home"));
        Running::start(command, self.namespace.directory.path()).end_within(PATIENCE)
    }

    fn submit(&self, last: &str, host: &str, code: i32) -> Run {
        let file = self.namespace.file("workflow.yaml", &flow(last));
        let (url, handle) = (self.url(host), self.handle());
        let submit = ["submit", &file, "--wait", "-o", "json", "--run-id", "r1", "--cache-name", "pods"];
        let cache =
            ["--exec-cache", &url, "--runner-image", image(), "--store-secret", "ci-cache", "--handle", &handle];
        Run::new(self.run(&[&submit[..], &cache].concat()).exits(code).object())
    }

    /// The file of the last run's handle.
    fn handle(&self) -> String {
        self.namespace.directory.path().join("run.json").to_str().unwrap().to_owned()
    }

    /// The keys of the entries, without their hashes.
    fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.files.join("team/cache/pods")).unwrap().flatten();
        let whole = entries.filter(|entry| entry.path().join("manifest.json").exists());
        let mut names: Vec<String> =
            whole.map(|entry| entry.file_name().to_string_lossy().split('-').next().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}

fn given<'a>(run: &'a Run, node: &str) -> &'a Value {
    &run.node(node)["outputs"]
}

fn cached(status: &Value) -> BTreeSet<String> {
    let nodes = status["status"]["nodes"].as_object().unwrap().values();
    let report = |node: &Value| {
        let parameters = node["outputs"]["parameters"].as_array()?;
        let report = parameters.iter().find(|parameter| parameter["name"] == "runnable-cache")?["value"].as_str()?;
        serde_json::from_str::<Value>(report).ok()
    };
    let hit = nodes.filter(|node| node["type"] == "Pod" && report(node).is_some_and(|report| report["hit"] == true));
    hit.map(|node| node["displayName"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_retry_restores_in_pods_what_pods_have_made() {
    with_namespace(|namespace| {
        let bucket = Bucket::of(namespace);
        let first = bucket.submit("exit 1", "127.0.0.1", 3);
        assert!(first.nodes().all(|node| node["memoizationStatus"].is_null()), "no ConfigMap is asked");
        assert_eq!(namespace.cache("pods"), None);
        assert_eq!(bucket.entries(), ["each", "each", "make", "say"]);
        let word = given(&first, "[0].make")["parameters"][0]["value"].as_str().unwrap().to_owned();
        assert_eq!(given(&first, "[0].make")["parameters"][1]["value"], "none");
        let progress =
            bucket.run(&["progress", &bucket.handle(), "-o", "json", "--store", &bucket.url("127.0.0.1")]).json();
        assert_eq!(progress["node_breakdown"]["make"], true, "{progress:#}");
        assert_eq!(progress["is_complete"], false, "{progress:#}");

        let file = namespace.file("fixed.yaml", &flow("exit 0"));
        let plan = bucket.run(&["retry", first.name(), "--file", &file, "--plan", "-o", "json"]).json();
        let mut actions: Vec<(String, String)> = plan["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| (node["template"].as_str().unwrap().to_owned(), node["action"].as_str().unwrap().to_owned()))
            .collect();
        actions.sort();
        let expected = [
            ("each", "cached"),
            ("each", "cached"),
            ("last", "runs"),
            ("main", "runs"),
            ("make", "cached"),
            ("say", "cached"),
        ];
        assert_eq!(actions, expected.map(|(one, other)| (one.to_owned(), other.to_owned())), "{plan:#}");

        let retry = ["retry", first.name(), "--file", &file, "--wait", "-o", "json"];
        let second = Run::new(bucket.run(&retry).exits(0).object());
        for node in ["[0].make", "[0].say", "[1].each(0:a)", "[1].each(1:b)"] {
            let own = |run: &Run| {
                let outputs = given(run, node);
                let parameters = outputs["parameters"].as_array().cloned().unwrap_or_default();
                let own = parameters.into_iter().filter(|parameter| parameter["name"] != "runnable-cache");
                (own.map(|parameter| parameter["value"].clone()).collect::<Vec<_>>(), outputs["result"].clone())
            };
            assert_eq!(own(&first), own(&second), "{node}");
        }
        assert_eq!(given(&second, "[0].make")["parameters"][0]["value"], word.as_str());
        let hits = ["each(0:a)(0)", "each(1:b)(0)", "make", "say"].map(str::to_owned);
        assert_eq!(cached(&second.object), hits.into());
        let status = bucket.run(&["status", second.name(), "-o", "json"]).json();
        assert!(status["summary"]["memoizationHits"].as_u64().is_some_and(|hits| hits >= 4), "{}", status["summary"]);
        let text = bucket.run(&["status", second.name()]).good();
        assert!(text.lines().any(|line| line.contains("make") && line.contains("cached")), "{text}");

        let why = bucket.run(&["cache", "why", second.name(), "make"]).good();
        assert!(why.contains("was cached: made "), "{why}");

        // A run of this machine finds what the pods have made.
        let url = bucket.url("127.0.0.1");
        let local =
            ["submit", "--local", &file, "-o", "json", "--run-id", "r1", "--cache-name", "pods", "--store", &url];
        let local = Run::new(local_run(&bucket, &local).exits(0).object());
        assert!(local.is_hit("[0].make") && local.is_hit("[0].say") && local.is_hit("[1].each(0:a)"));
        assert_eq!(given(&local, "[0].make")["parameters"][0]["value"], word.as_str());
    });
}

/// Runs the program without the flags of a cluster.
fn local_run(bucket: &Bucket<'_>, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(crate::support::PROGRAM);
    command.args(arguments).env("RUNNABLE_HOME", bucket.namespace.directory.path().join("home"));
    command.env("RUNNABLE_STORE_ACCESS_KEY_ID", ACCESS).env("RUNNABLE_STORE_SECRET_ACCESS_KEY", SECRET);
    Running::start(command, bucket.namespace.directory.path()).end_within(PATIENCE)
}

#[test]
fn a_store_that_only_pods_reach_is_read_at_another_address_or_not_at_all() {
    with_namespace(|namespace| {
        let bucket = Bucket::of(namespace);
        let run = bucket.submit("exit 1", "localhost", 3);
        let port = Server::shared().port;
        let reached = format!("http://127.0.0.1:{port}");
        let plan = bucket.run(&["retry", run.name(), "--plan", "-o", "json", "--store-endpoint", &reached]).json();
        assert!(plan["nodes"].as_array().unwrap().iter().any(|node| node["action"] == "cached"), "{plan:#}");

        let refused = bucket.run(&["retry", run.name(), "--store-endpoint", "http://127.0.0.1:9"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let workflows = namespace.read(&namespace.collection("workflows")).unwrap();
        assert_eq!(workflows["items"].as_array().unwrap().len(), 1, "nothing was created");
    });
}
