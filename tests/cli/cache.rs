//! `cache` on the store of this machine, and what it refuses before it looks anywhere.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::environment::Environment;
use crate::workflows::one_task;

/// An environment with the cache of one run, and the cache's name.
pub(crate) fn with_run(script: &str) -> Environment {
    let environment = Environment::with("wf.yaml", one_task("name: wf", script));
    let _ = environment.run("submit --local wf.yaml --run-id r1 --cache-name kept -q".split(' '));
    environment
}

pub(crate) fn key(environment: &Environment) -> String {
    environment.run("cache inspect kept --local -o name".split(' ')).result(0).trim().to_owned()
}

fn inspected(environment: &Environment) -> Value {
    serde_json::from_str(environment.run("cache inspect kept --local -o json".split(' ')).result(0)).unwrap()
}

#[test]
fn commands_that_say_too_little_or_too_much() {
    let environment = Environment::with("half.json", "{");
    for (name, words) in [
        ("prune_without_a_condition", "prune kept"),
        ("prune_of_an_odd_age", "prune kept --older yesterday"),
        ("files_without_orphaned", "prune kept --keep 1 -f wf.yaml"),
        ("an_illegal_name", "inspect ../etc"),
        ("name_and_run", "inspect kept --workflow wf"),
        ("an_unknown_store", "inspect --store https://key:s3cret@host/x"),
        ("a_store_that_is_not_there", "inspect --store nowhere"),
        ("several_caches_for_a_key", "delete a b --key k"),
        ("half_a_file", "import half.json --local"),
        ("a_cache_that_is_not_there", "inspect kept --local"),
    ] {
        let output = environment.run(["cache"].into_iter().chain(words.split(' ')));
        assert_snapshot!(name, output);
    }
}

#[test]
fn an_entry_of_a_run_is_shown_and_explained() {
    let environment = with_run("echo hello");
    let report = inspected(&environment);
    let entry = &report["caches"][0]["entries"][0];
    let told = (entry["runId"].as_str(), entry["template"].as_str());
    assert_eq!(told, (Some("r1"), Some("main")), "{report}");
    assert_eq!(entry["origin"]["exists"], true);
    let why = environment.run("cache why wf wf --local".split(' '));
    assert!(why.result(0).starts_with("node wf ran, and left the entry"), "{why}");
    fs::remove_dir_all(environment.run_directory("wf")).unwrap();
    assert_eq!(inspected(&environment)["caches"][0]["entries"][0]["origin"]["exists"], false);
}

#[test]
fn the_part_that_made_a_node_run_again_is_named() {
    let environment = with_run("echo hello");
    let edited = environment.file("edited.yaml", one_task("name: edited", "echo changed"));
    let _ = edited.run("submit --local edited.yaml --run-id r1 --cache-name kept -q".split(' '));
    let why = edited.run("cache why edited edited --local".split(' '));
    assert!(why.result(0).contains("ran, and left the entry"), "{why}");
    let own = edited.run("cache inspect --local --workflow edited -o name".split(' '));
    let key = own.result(0).lines().last().unwrap().to_owned();
    let all = edited.run("cache inspect kept --local -o json".split(' '));
    let entries: Value = serde_json::from_str(all.result(0)).unwrap();
    let mine = entries["caches"][0]["entries"].as_array().unwrap().iter();
    let mine = mine.filter(|entry| entry["origin"]["workflow"] == "edited").map(|entry| &entry["key"]).next().unwrap();
    let _ = edited.run(["cache", "delete", "kept", "--local", "--key", mine.as_str().unwrap()]).result(0);
    let why = edited.run("cache why edited edited --local".split(' '));
    assert!(why.result(0).contains("content was edited: container.args"), "{key} {why}");
}

#[test]
fn a_broken_entry_is_named_and_removed() {
    let environment = with_run("echo hello");
    let key = key(&environment);
    let manifest = environment.path("state/cache/kept").join(&key).join("manifest.json");
    fs::write(&manifest, "{").unwrap();
    let found = inspected(&environment);
    assert_eq!(found["caches"][0]["entries"][0]["findings"][0]["problem"], "malformed", "{found}");
    let dry = environment.run("cache inspect kept --local --fix --dry-run".split(' '));
    assert_eq!((dry.result(0), manifest.exists()), (format!("{key} removed (dry run)\n").as_str(), true));
    let fixed = environment.run("cache inspect kept --local --fix".split(' '));
    assert_eq!((fixed.result(0), manifest.exists()), (format!("{key} removed\n").as_str(), false));
}

#[test]
fn a_pruned_node_runs_again_and_a_kept_one_does_not() {
    let environment = with_run("echo hello");
    let again = |name: &str| {
        let run = format!("submit --local wf.yaml --name {name} --run-id r1 --cache-name kept -o json");
        let object: Value = serde_json::from_str(environment.run(run.split(' ')).result(0)).unwrap();
        object["status"]["nodes"][name]["memoizationStatus"]["hit"].clone()
    };
    assert_eq!(again("second"), true);
    let kept = environment.run("cache prune kept --local --older 1h".split(' '));
    assert_eq!(kept.result(0), "", "{kept}");
    let pruned = environment.run("cache prune kept --local --keep 0 -o name".split(' '));
    assert_eq!(pruned.result(0).lines().count(), 1, "{pruned}");
    assert_eq!(again("third"), false);
}

#[test]
fn entries_go_through_a_file_to_another_cache() {
    let environment = with_run("echo hello");
    let file = environment.run("cache export kept --local".split(' ')).result(0).to_owned();
    let into: Vec<&str> = "cache import - --local --into other".split(' ').collect();
    let imported = environment.run_with_input(&into, &file);
    assert_eq!(imported.result(0), format!("{} imported\n", key(&environment)));
    let again = environment.run_with_input(&into, &file);
    assert_eq!(again.result(0), "", "{again}");
    let hit = environment.run("submit --local wf.yaml --name there --run-id r1 --cache-name other -o json".split(' '));
    let object: Value = serde_json::from_str(hit.result(0)).unwrap();
    assert_eq!(object["status"]["nodes"]["there"]["memoizationStatus"]["hit"], true, "{object}");
    let _ = environment.run("cache delete other --local".split(' ')).result(0);
    let _ = environment.run("cache inspect other --local".split(' ')).result(6);
}

#[test]
fn a_store_of_ten_thousand_entries_is_shown_mended_pruned_and_carried() {
    const MANY: usize = 10_000;
    let environment = with_run("echo hello");
    let key = key(&environment);
    let directory = environment.path("state/cache/kept");
    let manifest = fs::read_to_string(directory.join(&key).join("manifest.json")).unwrap();
    for number in 1..MANY {
        let other = format!("k{number}");
        fs::create_dir(directory.join(&other)).unwrap();
        // The last hundred are half-written.
        let text = if number >= MANY - 100 { &manifest[..50] } else { &manifest.replace(&key, &other) };
        fs::write(directory.join(&other).join("manifest.json"), text).unwrap();
    }
    let run = |words: &str| environment.run(["cache"].into_iter().chain(words.split(' ')));
    let lines = |words: &str| run(words).result(0).lines().count();
    let report = inspected(&environment);
    let entries = report["caches"][0]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), MANY);
    assert_eq!(entries.iter().filter(|entry| entry["findings"][0]["problem"] == "malformed").count(), 100);
    let list: Value = serde_json::from_str(run("list --local -o json").result(0)).unwrap();
    let listed = &list["caches"][0];
    assert_eq!((&listed["usage"]["entries"], &listed["problems"]), (&Value::from(MANY), &Value::from(100)), "{list}");
    assert_eq!(run("inspect kept --local").result(0).matches("\nk").count(), MANY - 1);

    assert_eq!(lines("prune kept --local --keep 9000 --dry-run"), 1000);
    assert_eq!(lines("inspect kept --local --fix"), 100);
    let file: Value = serde_json::from_str(run("export kept --local").result(0)).unwrap();
    assert_eq!(file["entries"].as_array().unwrap().len(), MANY - 100);
    assert_eq!(lines("prune kept --local --keep 200"), MANY - 300);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 200);
    let into: Vec<&str> = "cache import - --local --into other --dry-run".split(' ').collect();
    assert_eq!(environment.run_with_input(&into, file.to_string()).result(0).lines().count(), MANY - 100);
    let few = run("export kept --local").result(0).to_owned();
    assert_eq!(environment.run_with_input(&into[..6], few).result(0).lines().count(), 200);
    assert_eq!(run("diff kept other --local").result(0), "");
    let _ = run("delete other --local").result(0);
    assert!(!environment.path("state/cache/other").exists());
}

#[test]
fn what_is_not_of_a_deleted_cache_is_left_and_named() {
    let environment = with_run("echo hello");
    let directory = environment.path("state/cache/kept");
    fs::write(directory.join("README"), "mine").unwrap();
    fs::create_dir(directory.join("half_made")).unwrap();
    let words = "cache delete kept --local -o json";
    let deleted = environment.run(words.split(' '));
    let told: Value = serde_json::from_str(deleted.result(0)).unwrap();
    let left = ["README", "half_made"].map(|name| directory.join(name).display().to_string());
    assert_eq!((&told["deleted"], &told["left"]), (&json!(["kept"]), &json!(left)), "{told}");
    assert!(deleted.stderr.contains("files that do not belong to cache kept were kept:"), "{deleted}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
    let inspected = environment.run("cache inspect kept --local".split(' '));
    assert!(inspected.result(0).contains("Entries:  0"), "{inspected}");
}

#[test]
fn what_failed_nodes_left_goes_with_their_cache() {
    let environment = Environment::with("wf.yaml", one_task("name: wf", "exit 1"));
    let _ = environment.run("submit --local wf.yaml --cache-name kept -q".split(' ')).result(3);
    let directory = environment.path("state/cache/kept");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    let deleted = environment.run("cache delete kept --local".split(' '));
    assert_eq!((deleted.result(0), directory.exists()), ("kept deleted\n", false), "{deleted}");
}
