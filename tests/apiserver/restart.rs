//! The API server killed and started again under the real program: what follows a run goes on, what could not act says
//! so and has changed nothing. The test plays the controller.

use std::io::Read;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::{Server, User};
use crate::support::output::Output;
use crate::workflow;

fn start(namespace: &Namespace, arguments: &[&str]) -> Child {
    namespace.command(User::Admin, arguments).spawn().unwrap()
}

/// The exit code, standard output and standard error of a program once it has ended.
fn ended(child: Child) -> (i32, String, String) {
    let ran = Output::from(child.wait_with_output().unwrap());
    (ran.code.unwrap(), ran.stdout, ran.stderr)
}

async fn set_status(namespace: &Namespace, name: &str, status: &Value) {
    namespace.patch("workflows", name, &json!({ "status": status })).await;
}

/// Returns when so many watches of workflows are open, as the server itself counts them; the programs are to go on.
async fn until_watched(server: &Server, watches: u32, programs: &mut [&mut Child]) {
    let objects = server.objects(User::Admin).await;
    let began = Instant::now();
    loop {
        let metrics = objects.text("/metrics").await.unwrap();
        let open = metrics
            .lines()
            .filter(|line| line.starts_with("apiserver_longrunning_requests{"))
            .filter(|line| line.contains("resource=\"workflows\"") && line.contains("verb=\"WATCH\""))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok())
            .sum::<u32>();
        if open == watches {
            return;
        }
        let gone: Vec<String> = programs.iter_mut().filter_map(|program| last_words(program)).collect();
        assert!(gone.is_empty(), "{gone:#?}");
        assert!(began.elapsed() < Duration::from_mins(1), "{open} watches of workflows are open, not {watches}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The exit code and standard error of a program that has ended.
fn last_words(program: &mut Child) -> Option<String> {
    let status = program.try_wait().unwrap()?;
    let mut said = String::new();
    program.stderr.take()?.read_to_string(&mut said).unwrap();
    Some(format!("{status}: {said}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_run_outlives_a_restart_of_the_server() {
    let server = Server::mortal().await;
    let namespace = Namespace::on(server).await;
    namespace.create("workflows", &workflow("build", "r1")).await;
    set_status(&namespace, "build", &json!({ "phase": "Running" })).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("w.yaml");
    std::fs::write(&file, workflow("submitted", "r2").to_string()).unwrap();
    let mut following = [
        (vec!["wait", "build", "-o", "name"], 3),
        (vec!["watch", "build"], 3),
        (vec!["logs", "build", "-f"], 0),
        (vec!["submit", file.to_str().unwrap(), "--wait"], 3),
    ]
    .map(|(arguments, code)| (arguments.clone(), start(&namespace, &arguments), code));
    let mut listing = start(&namespace, &["list", "--watch"]);
    let programs = following.iter_mut().map(|(_, program, _)| program).chain([&mut listing]);
    until_watched(server, 5, &mut programs.collect::<Vec<_>>()).await;

    let outage = server.kill();
    outage.end().await;
    for name in ["build", "submitted"] {
        set_status(&namespace, name, &json!({ "phase": "Failed", "message": "after the restart" })).await;
    }
    for (arguments, child, code) in following {
        let (ended, result, talk) = ended(child);
        assert_eq!(ended, code, "{arguments:?}: {result}{talk}");
    }
    // The list goes on as long as it is read.
    until_watched(server, 1, &mut [&mut listing]).await;
    namespace.create("workflows", &workflow("next", "r3")).await;
    namespace.delete("workflows", "next").await;
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(listing.stdout.take().unwrap()));
    let lines: Vec<String> = lines.by_ref().map(Result::unwrap).take_while(|line| !line.contains("Deleted")).collect();
    for part in ["build Running", "build Failed", "submitted Failed", "next Pending"] {
        let told = lines.iter().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
        assert_eq!(told.filter(|words| words == part).count(), 1, "{part} in {lines:#?}");
    }
    listing.kill().unwrap();
    listing.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_act_has_changed_nothing_and_acts_after_the_restart() {
    let server = Server::mortal().await;
    let namespace = Namespace::on(server).await;
    namespace.create("workflows", &workflow("failed", "r1")).await;
    let node = json!({ "id": "failed", "name": "failed", "displayName": "failed", "type": "Pod", "phase": "Failed" });
    set_status(&namespace, "failed", &json!({ "phase": "Failed", "nodes": { "failed": node } })).await;
    namespace.create("workflows", &workflow("held", "r2")).await;
    namespace
        .patch("workflows", "held", &json!({ "spec": { "suspend": true }, "status": { "phase": "Running" } }))
        .await;
    let retry = ["retry", "failed", "--yes", "--name", "again"];
    let resume = ["resume", "held"];

    let outage = server.kill();
    for arguments in [&retry[..], &resume] {
        let (code, _, talk) = ended(start(&namespace, arguments));
        assert!(code == 1 && talk.contains("cannot reach the API server"), "{arguments:?}: {code}: {talk}");
    }
    outage.end().await;
    assert_eq!(namespace.get("workflows", "again").await, None);
    assert_eq!(namespace.get("workflows", "held").await.unwrap()["spec"]["suspend"], true);
    for arguments in [&retry[..], &resume] {
        let (code, _, talk) = ended(start(&namespace, arguments));
        assert_eq!(code, 0, "{arguments:?}: {talk}");
    }
    let again = namespace.get("workflows", "again").await.unwrap();
    assert_eq!(again["spec"]["arguments"]["parameters"][1]["value"], "r1");
    assert_ne!(namespace.get("workflows", "held").await.unwrap()["spec"]["suspend"], true);
}
