//! `submit --debounce`: one run of several submits. The test plays the controller.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Output, Program, document, parameter};
use crate::kubernetes::namespace::Namespace;
use crate::support::wait::until;

const SUBMITS: usize = 50;
const KEY: &str = "ci/main";
/// The key and a time that no test outlasts.
const DEBOUNCED: [&str; 4] = ["--debounce", "1h", "--debounce-key", KEY];

/// A workflow whose runs have names of their own.
fn unnamed() -> Value {
    let mut document = document("x");
    document["metadata"] = json!({ "generateName": "build-" });
    document
}

struct Submits<'a> {
    namespace: &'a Namespace,
    program: Program,
    file: String,
}

impl<'a> Submits<'a> {
    fn new(namespace: &'a Namespace) -> Self {
        let program = Program::new(namespace);
        let file = program.file("w.yaml", &[unnamed()]);
        Self { namespace, program, file }
    }

    fn run(&self, more: &[&str]) -> Output {
        self.program.run(&[&[self.file.as_str(), "-o", "name"], DEBOUNCED.as_slice(), more].concat())
    }

    fn start(&self, more: &[&str]) -> Child {
        let arguments = [&[self.file.as_str(), "-o", "name"], DEBOUNCED.as_slice(), more].concat();
        self.program.submit(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let list = self.program.verb("list", &["-o", "name"]).output().unwrap();
        let list = Output::from(list).exits(0).stdout;
        list.lines().map(|line| line.replace("workflow.argoproj.io/", "")).collect()
    }

    /// The Lease of the only key.
    async fn lease(&self) -> Value {
        self.namespace.get("leases", &self.lease_name().await).await.unwrap()
    }

    async fn lease_name(&self) -> String {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace.name);
        let list = self.namespace.get_any(&path).await.unwrap();
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{list:#}");
        items[0]["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// Makes the reservation an old one.
    async fn pass(&self) {
        let name = self.lease_name().await;
        let old = json!({ "spec": { "acquireTime": "2020-01-01T00:00:00.000000Z" } });
        self.namespace.patch("leases", &name, &old).await;
    }

    async fn set_phase(&self, name: &str, phase: &str) {
        self.namespace.patch("workflows", name, &json!({ "status": { "phase": phase } })).await;
    }
}

fn created(output: &Output) -> String {
    output.stdout.trim().strip_prefix("workflow.argoproj.io/").unwrap_or_else(|| panic!("{output:?}")).to_owned()
}

fn end(child: Child) -> Output {
    child.wait_with_output().unwrap().into()
}

#[tokio::test]
async fn of_fifty_submits_some_of_which_are_killed_one_makes_the_run() {
    let namespace = Namespace::new().await;
    let submits = Submits::new(&namespace);
    let mut children: Vec<Child> = (0..SUBMITS).map(|_| submits.start(&[])).collect();
    // Killed at whatever they do by then, one after another.
    for child in children.iter_mut().step_by(5) {
        std::thread::sleep(Duration::from_millis(40));
        child.kill().unwrap();
    }
    let ended: Vec<Output> = children.into_iter().map(end).collect();
    let ended: Vec<&Output> = ended.iter().filter(|output| output.code.is_some()).collect();
    assert!(ended.len() >= SUBMITS * 4 / 5);
    let names: BTreeSet<String> = ended
        .iter()
        .map(|output| {
            assert_eq!(output.code, Some(0), "{output:?}");
            created(output)
        })
        .collect();
    assert_eq!(submits.names(), names.iter().cloned().collect::<Vec<_>>());
    assert_eq!(names.len(), 1);
    assert_eq!(created(&submits.run(&[]).exits(0)), submits.names()[0], "one that comes later takes the same run");
}

#[tokio::test]
async fn a_submit_that_was_killed_between_its_requests_costs_nothing() {
    let namespace = Namespace::new().await;
    let submits = Submits::new(&namespace);
    let first = created(&submits.run(&[]).exits(0));
    namespace.delete("workflows", &first).await;
    let children: Vec<Child> = (0..10).map(|_| submits.start(&[])).collect();
    for output in children.into_iter().map(end) {
        assert_eq!((output.code, created(&output)), (Some(0), first.clone()), "{output:?}");
    }
    assert_eq!(submits.names(), [first]);
}

#[tokio::test]
async fn the_time_is_the_server_s_and_a_run_counts_for_as_long_as_is_asked() {
    let namespace = Namespace::new().await;
    let submits = Submits::new(&namespace);
    let first = created(&submits.run(&[]).exits(0));
    let lease = submits.lease().await;
    let of = |field: &str| lease["metadata"]["annotations"][format!("kubectl-runnable/{field}")].clone();
    assert_eq!((of("debounce-key"), of("debounce-workflow")), (json!(KEY), json!(first)));
    let time: jiff::Timestamp = lease["spec"]["acquireTime"].as_str().unwrap().parse().unwrap();
    let made: jiff::Timestamp = lease["metadata"]["creationTimestamp"].as_str().unwrap().parse().unwrap();
    assert!(made.duration_since(time).as_secs().abs() <= 1, "{lease:#}");

    submits.pass().await;
    let second = created(&submits.run(&[]).exits(0));
    assert_ne!(second, first);
    assert_eq!(created(&submits.run(&[]).exits(0)), second);
    let other = created(&submits.program.run(&[&submits.file, "-o", "name", "--debounce", "1h"]).exits(0));
    assert_ne!(other, second, "without a key it is another one");
}

#[tokio::test]
async fn a_reused_run_is_told_with_what_differs() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[unnamed()]);
    let flags = ["--debounce", "1h", "-p", "date=1"];
    let first = program.run(&[&[file.as_str(), "--run-id", "r-1", "-o", "name"], flags.as_slice()].concat()).exits(0);
    let again = program.run(&[&[file.as_str()], flags.as_slice()].concat());
    let name = created(&first);
    let again =
        again.prints(0, &format!("workflow.argoproj.io/{name} reused: another submit of the same key has made it\n"));
    assert!(again.stderr.contains("run id r-1") && !again.stderr.contains("differs"), "{again:?}");
    let other = program.run(&[&file, "--debounce", "1h", "-p", "date=2", "--priority", "3"]).exits(0);
    let _ = other.says(&format!("warning: workflow {name} differs from this one in parameter date, spec.priority\n"));
    assert_eq!(parameter(&namespace.get("workflows", &name).await.unwrap(), "date"), Some("1"));
}

#[tokio::test]
async fn the_default_key_is_the_workflow_s_prefix_and_what_it_works_on() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[unnamed()]);
    let name = |more: &[&str]| {
        created(&program.run(&[&[file.as_str(), "-o", "name", "--debounce", "1h"], more].concat()).exits(0))
    };
    let of = |reference: &str| name(&["-p", "owner=o", "-p", "repo=r", "-p", &format!("ref={reference}")]);
    let main = of("refs/heads/main");
    assert_eq!(of("main"), main);
    let others = BTreeSet::from([
        main,
        of("next"),
        name(&[]),
        name(&["--entrypoint", "main"]),
        name(&["--generate-name", "y-"]),
    ]);
    assert_eq!(others.len(), 4, "a prefix, a repository and a ref make a difference, a default entrypoint none");
}

#[tokio::test]
async fn a_duplicate_is_refused_where_that_is_asked_for() {
    let namespace = Namespace::new().await;
    let submits = Submits::new(&namespace);
    let first = created(&submits.run(&["--on-duplicate", "fail"]).exits(0));
    let second = submits.run(&["--on-duplicate", "fail"]);
    second.fails(7, &[&format!("workflow {first} of another submit of the same key is there already")]);
    submits.pass().await;
    let _ = submits.run(&["--on-duplicate", "fail"]).exits(0);
    assert_eq!(submits.names().len(), 2);
}

#[tokio::test]
async fn a_replacement_waits_until_the_run_before_has_been_ended() {
    let namespace = Namespace::new().await;
    let submits = Submits::new(&namespace);
    let first = created(&submits.run(&[]).exits(0));
    submits.set_phase(&first, "Running").await;
    let replacing = submits.start(&["--on-duplicate", "replace"]);
    until("the first is terminated", async || {
        let live = namespace.get("workflows", &first).await?;
        (live["spec"]["shutdown"] == "Terminate").then_some(())
    })
    .await;
    assert_eq!(submits.names(), std::slice::from_ref(&first), "no second one beside it");
    submits.set_phase(&first, "Failed").await;
    let replaced = end(replacing);
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
    assert_ne!(created(&replaced), first);
    assert_eq!(created(&submits.run(&[]).exits(0)), created(&replaced), "the replacement is the run now");
}

#[tokio::test]
async fn the_latest_submit_waits_and_the_one_before_gives_up() {
    let namespace = Namespace::new().await;
    let submits = Submits::new(&namespace);
    let first = created(&submits.run(&[]).exits(0));
    submits.set_phase(&first, "Running").await;
    let waiter = async |not: Option<&str>| {
        until("a submit waits", async || {
            let lease = submits.lease().await;
            let waiter = lease["metadata"]["annotations"]["kubectl-runnable/debounce-waiter"].as_str();
            waiter.filter(|waiter| Some(*waiter) != not).map(str::to_owned)
        })
        .await
    };
    let second = submits.start(&["--on-duplicate", "queue"]);
    let of_second = waiter(None).await;
    let third = submits.start(&["--on-duplicate", "queue"]);
    let of_third = waiter(Some(&of_second)).await;
    end(second).fails(7, &[&format!("workflow {of_second} was not created: workflow {of_third}")]);

    // What waits is no run yet: others take the one that goes on.
    assert_eq!(created(&submits.run(&[]).exits(0)), first);
    submits.set_phase(&first, "Succeeded").await;
    let third = end(third);
    assert_eq!((third.code, created(&third)), (Some(0), of_third.clone()), "{third:?}");
    assert_eq!(submits.names().len(), 2);
    assert_eq!(created(&submits.run(&["--on-duplicate", "reuse"]).exits(0)), of_third);
}

#[tokio::test]
async fn a_reservation_without_use_for_a_day_goes() {
    let namespace = Namespace::new().await;
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", namespace.name);
    let lease = |name: &str, time: &str, label: &str| {
        json!({
            "metadata": { "name": name, "labels": { "kubectl-runnable/debounce": label } },
            "spec": { "renewTime": time, "leaseDurationSeconds": 15 },
        })
    };
    let old = "2020-01-01T00:00:00.000000Z";
    for (name, time, label) in
        [("idle", old, "true"), ("others", old, "false"), ("used", "2100-01-01T00:00:00.000000Z", "true")]
    {
        namespace.post(&path, &lease(name, time, label)).await;
    }
    let submits = Submits::new(&namespace);
    let _ = submits.run(&[]).exits(0);
    assert!(namespace.get("leases", "idle").await.is_none());
    assert!(namespace.get("leases", "others").await.is_some() && namespace.get("leases", "used").await.is_some());
}

#[tokio::test]
async fn what_cannot_be_debounced_is_refused() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let named = program.file("named.yaml", &[document("build")]);
    let two = program.file("two.yaml", &[unnamed(), unnamed()]);
    for (arguments, said) in [
        (&[named.as_str(), "--debounce", "15s"][..], "the workflow's name is \"build\" in every submit"),
        (&[&two, "--debounce", "15s"], "--debounce fits one workflow"),
        (&[&two, "--debounce", "15s", "--dry-run=server"], "--debounce needs a run"),
        (&[&two, "--debounce", "500ms"], "expected a duration of 1s or more"),
        (&[&two, "--debounce-key", "x"], "--debounce <DURATION>"),
    ] {
        let ran = program.run(arguments);
        assert!(ran.code == Some(2) && ran.stderr.contains(said), "{said}: {ran:?}");
    }
    assert_eq!(Submits::new(&namespace).names(), Vec::<String>::new());
}
