//! Random workflows that fail at a gate are retried: the plan is what happens, what is cached is what the same call gave,
//! and nothing that succeeded and did not change runs again. `ATTEMPTS=1000` tries more of
//! them, from the seed `FIRST`.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::environment::Environment;
use crate::support::gates::{below, check, is_hit, leaves, nodes, workflow};

const WORKFLOWS: u64 = 12;
#[test]
fn a_retry_gives_what_an_undisturbed_run_would_have_given() {
    let number = |variable: &str| std::env::var(variable).ok().and_then(|number| number.parse::<u64>().ok());
    let first = number("FIRST").unwrap_or(0);
    for seed in first..first + number("ATTEMPTS").unwrap_or(WORKFLOWS) {
        let mut random = StdRng::seed_from_u64(seed);
        let document = workflow(&mut random);
        let home = Environment::with("workflow.json", document.to_string());
        let mut history = vec![home.run(["submit", "workflow.json", "--local", "--wait", "-o", "json"]).object()];
        let mut edited = document.clone();
        edited["spec"]["templates"][0]["container"]["image"] = "edited".into();
        home.write("edited.json", edited.to_string());
        let changes: [&[&str]; 4] = [&[], &["-p", "x=2"], &["-p", "list=[\"new\", \"p\"]"], &["--file", "edited.json"]];
        let mut more = changes[usize::try_from(seed % 4).unwrap()];
        for _ in 0..2 {
            if has_succeeded(&history) {
                break;
            }
            let plan = home.run([&["retry", "--local", "@latest", "--plan", "-o", "json"], more].concat()).json();
            let after = home.run([&["retry", "--local", "@latest", "-o", "json"], more].concat()).object();
            println!("workflow {seed}, changed by {more:?}");
            check(&history, &plan, &after, more.is_empty());
            history.push(after);
            more = &[];
        }
        if has_succeeded(&history) {
            let again = run_again(&home, &mut random, &history);
            history.extend(again);
        }
        let mut document = if seed % 4 == 3 { edited } else { document };
        for _ in 0..2 {
            let edit = edit(&mut random, &mut document);
            println!("workflow {seed} goes on after {edit:?}");
            history.push(resume(&home, &document, &history, edit));
        }
    }
}

fn has_succeeded(history: &[Value]) -> bool {
    history.last().is_some_and(|last| last["status"]["phase"] == "Succeeded")
}

/// What is done to a document before it is submitted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    Nothing,
    /// A template that others call does something else.
    Leaf,
    /// A step group is put in between: nothing else runs again.
    Group,
    /// The parameters that templates read have other values.
    Values,
}

fn edit(random: &mut StdRng, document: &mut Value) -> Edit {
    let spec = &mut document["spec"];
    match random.random_range(0..4) {
        0 => Edit::Nothing,
        1 => {
            let leaf = random.random_range(0..leaves().len());
            spec["templates"][leaf]["container"]["image"] = format!("edited-{}", random.random::<u32>()).into();
            Edit::Leaf
        }
        2 => {
            let main = spec["templates"].as_array_mut().unwrap().last_mut().unwrap();
            let groups = main["steps"].as_array_mut().unwrap();
            let name = format!("between-{}", random.random::<u32>());
            groups.insert(random.random_range(0..=groups.len()), json!([{"name": name, "template": "draw"}]));
            Edit::Group
        }
        _ => {
            spec["arguments"]["parameters"][0]["value"] = random.random_range(1..4).to_string().into();
            spec["arguments"]["parameters"][1]["value"] = "[\"q\", \"r\"]".into();
            Edit::Values
        }
    }
}

/// Goes on with an edited document: the plan is that of a retry with the document and its parameters.
fn resume(home: &Environment, document: &Value, history: &[Value], edit: Edit) -> Value {
    home.write("workflow.json", document.to_string());
    let parameters = document["spec"]["arguments"]["parameters"].as_array().unwrap().iter();
    let given = parameters.flat_map(|parameter| {
        ["-p".to_owned(), format!("{}={}", parameter["name"].as_str().unwrap(), parameter["value"].as_str().unwrap())]
    });
    let asked = ["retry", "--local", "@latest", "--plan", "-o", "json", "--file", "workflow.json"];
    let plan = home.run(asked.map(str::to_owned).into_iter().chain(given)).json();
    let ended = home.run(["submit", "workflow.json", "--local", "--resume", "-o", "json"]);
    let after = ended.object();
    let last = history.last().unwrap();
    let same_values = values(last) == values(&after);
    check(history, &plan, &after, edit == Edit::Nothing && same_values);
    assert!(
        ended.stderr.contains(&format!("going on from {}", last["metadata"]["name"].as_str().unwrap())),
        "{ended:?}"
    );
    let taken = plan["nodes"].as_array().unwrap().iter().filter(|entry| entry["action"] == "cached").count();
    assert!(
        ended.stderr.contains(&format!(": {taken} of ")) || ended.stderr.contains(&format!(", {taken} of ")),
        "{ended:?}"
    );
    if edit == Edit::Group && same_values {
        let (old, new) = (nodes(last), nodes(&after));
        let ran_again = old.iter().filter(|(name, node)| {
            let did_well =
                node["phase"] == "Succeeded" && node["type"] == "Pod" && node["memoizationStatus"].is_object();
            did_well && new.get(*name).is_some_and(|node| !is_hit(node))
        });
        let ran_again: Vec<&String> = ran_again.map(|(name, _)| name).collect();
        assert!(ran_again.is_empty(), "{ran_again:?} ran again for a group put in between");
    }
    after
}

/// The values of the parameters that the documents declare.
fn values(workflow: &Value) -> Vec<&Value> {
    let parameters = workflow["spec"]["arguments"]["parameters"].as_array().unwrap().iter();
    parameters.filter(|parameter| ["x", "list"].iter().any(|name| parameter["name"] == *name)).collect()
}

/// Runs a node of a run that has succeeded again, alone or with all that follows from it.
fn run_again(home: &Environment, random: &mut StdRng, history: &[Value]) -> Option<Value> {
    let before = history.last().unwrap();
    let old = nodes(before);
    let memoized = |node: &&Value| node["type"] == "Pod" && node["memoizationStatus"].is_object();
    let names: Vec<&str> = old.values().filter(memoized).map(|node| node["name"].as_str().unwrap()).collect();
    if names.is_empty() {
        return None;
    }
    let name = names[random.random_range(0..names.len())];
    let flag = if random.random_ratio(1, 2) { "--from" } else { "--only" };
    println!("{flag} {name}");
    let plan = home.run(["retry", "--local", "@latest", flag, name, "--plan", "-o", "json"]).json();
    let after = home.run(["retry", "--local", "@latest", flag, name, "-o", "json"]).object();
    check(history, &plan, &after, false);

    let (run, new) = (before["metadata"]["name"].as_str().unwrap(), nodes(&after));
    let asked = below(run, name);
    assert!(new.get(&asked).is_some_and(|node| !is_hit(node)), "{asked} did not run again");
    let is_hook = |entry: &Value| below(run, entry["name"].as_str().unwrap()) == format!("{asked}.onExit");
    let selected = plan["nodes"].as_array().unwrap().iter().filter(|entry| entry["why"]["reason"] == "selected");
    let planned = selected.filter(|entry| !is_hook(entry)).count();
    assert!(flag == "--from" || planned == 1, "{planned} nodes run for {asked} alone: {plan:#}");
    Some(after)
}
