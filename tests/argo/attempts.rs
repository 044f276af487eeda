//! Random workflows that fail at a gate are retried and go on after an edit, on a live controller: the plan is what happens.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::namespace::{Namespace, with_namespace};
use crate::support::gates::{check, leaves, nodes, workflow};

/// Workflows a test; the tests run beside each other.
const WORKFLOWS: u64 = 4;

/// The workflows of the part of this number; `RUNNABLE_E2E_SEED` is the first seed of all (0).
fn attempts_of(part: u64) {
    let first = std::env::var("RUNNABLE_E2E_SEED").map_or(0, |seed| seed.parse().unwrap()) + part * WORKFLOWS;
    with_namespace(|namespace| {
        for seed in first..first + WORKFLOWS {
            println!("workflow {seed}");
            attempts(namespace, seed);
        }
    });
}

fn attempts(namespace: &Namespace, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut document = workflow(&mut random);
    let file = namespace.file("workflow.json", &document.to_string());
    let ended = |arguments: &[&str]| namespace.run(&[arguments, &["--wait", "-o", "json"]].concat());
    let first = ended(&["submit", &file]).exits(3).object();
    let hit: Vec<String> = nodes(&first)
        .into_iter()
        .filter(|(_, node)| node["memoizationStatus"]["hit"] == true)
        .map(|(name, _)| name)
        .collect();
    assert!(hit.is_empty(), "hits in the first attempt: {hit:?}");

    edit(&mut random, &mut document);
    let edited = namespace.file("edited.json", &document.to_string());
    let changes: [&[&str]; 4] = [&[], &["-p", "x=2"], &["-p", "list=[\"new\", \"p\"]"], &["--file", &edited]];
    let more = changes[usize::try_from(seed % 4).unwrap()];
    let run = first["metadata"]["name"].as_str().unwrap().to_owned();
    let plan = namespace.run(&[&["retry", &run, "--plan", "-o", "json"], more].concat()).json();
    let second = ended(&[&["retry", &run], more].concat());
    println!("retried with {more:?}: exit {:?}", second.code);
    let second = second.object();
    check(std::slice::from_ref(&first), &plan, &second, more.is_empty());

    let run = second["metadata"]["name"].as_str().unwrap();
    let values = ["-p", "x=1", "-p", "list=[\"p\", \"q\"]"];
    let plan =
        namespace.run(&[&["retry", run, "--file", &edited, "--force", "--plan", "-o", "json"], &values[..]].concat());
    let third = ended(&["submit", &edited, &format!("--resume={run}")]);
    println!("gone on: exit {:?}", third.code);
    check(&[first, second], &plan.json(), &third.object(), false);
}

/// One of the leaves does something else.
fn edit(random: &mut StdRng, document: &mut Value) {
    let leaf = random.random_range(0..leaves().len());
    let script = &mut document["spec"]["templates"][leaf]["container"]["command"][2];
    *script = json!(format!("{} # edited", script.as_str().unwrap()));
}

#[test]
fn random_workflows_fare_as_planned_1() {
    attempts_of(0);
}

#[test]
fn random_workflows_fare_as_planned_2() {
    attempts_of(1);
}

#[test]
fn random_workflows_fare_as_planned_3() {
    attempts_of(2);
}
