//! The verbs on a real API server, each as a whole program beside the bare request over a connection of its own.

use std::cell::Cell;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use assert_fs::TempDir;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use kubectl_runnable::testing::argo::status::node_id;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::kubernetes::objects::Objects;
use crate::kubernetes::server::{Server, User};
use crate::measure::{ROUNDS, medians, program, row, succeed};

const WORKFLOWS: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/workflows";
/// Nodes of the large run.
const NODES: usize = 10_000;

/// The API server, and a kubeconfig for it.
struct Bench {
    server: &'static Server,
    runtime: Runtime,
    directory: TempDir,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
        let directory = TempDir::new().unwrap_or_else(|error| panic!("{error}"));
        let bench = Self { server: Server::argo(), runtime, directory };
        let kubeconfig = bench.server.kubeconfig(User::Admin, "default").to_string();
        std::fs::write(bench.kubeconfig(), kubeconfig).unwrap_or_else(|error| panic!("{error}"));
        bench
    }

    fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments).arg("--kubeconfig").arg(self.kubeconfig()).env_remove("ARGO_NAMESPACE");
        command
    }

    /// One request over a new connection.
    fn send<T>(&self, request: impl AsyncFnOnce(Objects) -> T) {
        self.runtime.block_on(async { request(self.server.objects(User::Admin).await).await });
    }

    fn create(&self, workflow: &Value) {
        self.send(async |objects| objects.post(WORKFLOWS, workflow).await);
    }
}

fn workflow(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
        "spec": {"entrypoint": "main", "templates": [
            {"name": "main", "container": {"image": "alpine", "command": ["true"]}}]},
    })
}

pub(crate) fn created() {
    let bench = Bench::new();
    let file = bench.directory.path().join("workflow.yaml");
    let mut document = workflow("");
    document["metadata"] = json!({"generateName": "submitted-"});
    std::fs::write(&file, document.to_string()).unwrap_or_else(|error| panic!("{error}"));
    let mut submit = bench.program(&["submit", "-q"]);
    submit.arg(&file);
    let (ours, peer) = medians(|| succeed(&mut submit), || bench.create(&document));
    row("submit a workflow, against one POST", ours, peer);
}

pub(crate) fn shown() {
    let bench = Bench::new();
    bench.create(&workflow("shown"));
    let path = format!("{WORKFLOWS}/shown");
    let (ours, peer) = medians(
        || succeed(&mut bench.program(&["status", "shown"])),
        || bench.send(async |objects| objects.get(&path).await),
    );
    row("status of a workflow, against one GET", ours, peer);
}

pub(crate) fn resumed() {
    let bench = Bench::new();
    for round in 0..ROUNDS {
        for whose in ["ours", "peers"] {
            let mut held = workflow(&format!("{whose}-{round}"));
            held["spec"]["suspend"] = true.into();
            held["status"] = json!({"phase": "Running"});
            bench.create(&held);
        }
    }
    let (resumed, patched) = (Cell::new(0), Cell::new(0));
    let next = |counter: &Cell<usize>| counter.replace(counter.get() + 1);
    let (ours, peer) = medians(
        || succeed(&mut bench.program(&["resume", &format!("ours-{}", next(&resumed))])),
        || {
            let path = format!("{WORKFLOWS}/peers-{}", next(&patched));
            bench.send(async |objects| objects.patch(&path, &json!({"spec": {"suspend": null}})).await);
        },
    );
    row("resume a workflow, against one PATCH", ours, peer);
}

/// A run of many nodes, compressed as its controller writes it.
pub(crate) fn large() {
    let bench = Bench::new();
    let mut large = workflow("large");
    large["status"] = json!({"phase": "Running", "compressedNodes": compressed(NODES)});
    bench.create(&large);
    let path = format!("{WORKFLOWS}/large");
    let (ours, peer) = medians(
        || succeed(&mut bench.program(&["status", "large"])),
        || bench.send(async |objects| objects.get(&path).await),
    );
    row(&format!("status of {NODES} compressed nodes, against one GET"), ours, peer);
    println!("  its most memory: {} MB", peak_memory(&bench.program(&["status", "large"])) / 1_024);
}

fn compressed(nodes: usize) -> String {
    let mut all = Map::new();
    let children: Vec<String> = (1..nodes).map(|node| node_id("large", &format!("large.task-{node}"))).collect();
    let root = json!({"id": "large", "name": "large", "displayName": "large", "type": "DAG", "phase": "Running",
        "templateName": "main", "startedAt": "2026-11-21T10:00:00Z", "children": children});
    all.insert("large".to_owned(), root);
    for (node, id) in (1..nodes).zip(&children) {
        let name = format!("task-{node}");
        let value = json!({"id": id, "name": format!("large.{name}"), "displayName": name, "type": "Pod",
            "phase": "Succeeded", "templateName": "task", "templateScope": "local/large", "boundaryID": "large",
            "startedAt": "2026-11-21T10:00:00Z", "finishedAt": "2026-11-21T10:00:07Z", "progress": "1/1",
            "resourcesDuration": {"cpu": 0, "memory": 3}, "hostNodeName": "machine",
            "inputs": {"parameters": [{"name": "number", "value": node.to_string()}]},
            "outputs": {"exitCode": "0"}});
        all.insert(id.clone(), value);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(Value::Object(all).to_string().as_bytes()).and_then(|()| encoder.finish());
    BASE64_STANDARD.encode(written.unwrap_or_else(|error| panic!("{error}")))
}

/// The most memory that a program had, in KiB, as the kernel counts it for the parent.
fn peak_memory(command: &Command) -> u64 {
    const SCRIPT: &str = "import resource, subprocess, sys\n\
                          subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n\
                          print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(command.get_program()).args(command.get_args());
    let output = python.output().unwrap_or_else(|error| panic!("python3: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}
