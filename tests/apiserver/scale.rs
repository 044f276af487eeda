//! Thousands of workflows in a namespace: each verb that looks at all of them reads them page by page, and what it keeps does
//! not grow with their size.

use std::process::Child;
use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::support::output::Output;

/// So many in CI; `WORKFLOWS=10000` measures more.
const MANY: usize = 1_500;
/// What a program may keep of each further workflow: a quarter of what an object of 8 KiB takes once it is read.
const BYTES_OF_EACH: usize = 16 * 1024;

/// A workflow that has ended, with as many nodes as an object of about 8 KiB has.
fn ended(number: usize) -> Value {
    let name = format!("build-{number:05}");
    let nodes: serde_json::Map<String, Value> = (0..20)
        .map(|node| {
            let id = format!("{name}-{node}");
            let message = "x".repeat(200);
            (id.clone(), json!({"id": id, "name": id, "displayName": id, "type": "Pod", "phase": "Succeeded", "message": message}))
        })
        .collect();
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"name": name, "labels": {"kubectl-runnable/run-id": name}},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "alpine"}}]},
        "status": {"phase": "Succeeded", "startedAt": "2026-11-21T10:00:00Z", "finishedAt": "2026-11-21T10:01:00Z", "nodes": nodes},
    })
}

/// Runs the program to its end, and gives the most memory that it had.
fn measured(namespace: &Namespace, arguments: &[&str]) -> (Output, usize) {
    let mut child: Child =
        namespace.command(User::Admin, arguments).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let output = std::thread::scope(|scope| {
        let stdout = child.stdout.take().unwrap();
        let reading = scope.spawn(move || std::io::read_to_string(stdout).unwrap());
        let code = loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let high = text
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<usize>().ok());
            peak = peak.max(high.unwrap_or_default() * 1024);
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let stdout = reading.join().unwrap().into_bytes();
        std::process::Output { status: code, stdout, stderr: Vec::new() }
    });
    (output.into(), peak)
}

async fn fill(namespace: &Namespace, numbers: std::ops::Range<usize>) {
    stream::iter(numbers)
        .for_each_concurrent(16, async |number| drop(namespace.create("workflows", &ended(number)).await))
        .await;
}

/// Verbs that look at all runs of a namespace.
const VERBS: [&[&str]; 5] = [
    &["list", "-o", "name"],
    &["list"],
    &["semaphore", "list", "--completed"],
    &["status", "@latest", "-o", "name"],
    &["delete", "--dry-run", "--older", "1h"],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_does_not_grow_with_the_objects_that_are_looked_at() {
    let many = std::env::var("WORKFLOWS").map_or(MANY, |number| number.parse().unwrap());
    // More than a page.
    let few = many / 5;
    let namespace = Namespace::new().await;
    fill(&namespace, 0..few).await;
    let of_few = VERBS.map(|verb| measured(&namespace, verb));
    fill(&namespace, few..many).await;
    for (verb, (_, before)) in VERBS.iter().zip(of_few) {
        let (output, after) = measured(&namespace, verb);
        assert_eq!(output.code, Some(0), "{verb:?}: {output:?}");
        if verb.starts_with(&["list"]) {
            assert!(output.stdout.lines().count() >= many, "{verb:?}");
        }
        println!("{verb:?}: {} KiB of {few}, {} KiB of {many}", before / 1024, after / 1024);
        assert!(after < before + (many - few) * BYTES_OF_EACH, "{verb:?}: {before} bytes of {few}, {after} of {many}");
    }
}
