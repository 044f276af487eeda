//! The verbs of caches, and the question for many prefixes, over any store.

use std::time::Duration;

use kubectl_runnable::testing::cache::{Store, StoreAddress};
use rstest::rstest;

use crate::rig::{Kind, Rig};

/// Two entries of the cache `exec`, `a` and `b`, with an artifact each.
fn filled(kind: Kind) -> Rig {
    let rig = Rig::new(kind);
    for key in ["a", "b"] {
        let _ = rig.exec(&["--key", key, "--output", "o=out"], &format!("echo {key}; echo {key} >out")).exits(0);
    }
    rig
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn caches_are_listed_shown_and_changed(#[case] kind: Kind) {
    let rig = filled(kind);
    let cache = |arguments: &[&str]| rig.run([&["cache"], arguments, &["--store", &rig.url]].concat());
    let listed = cache(&["list", "-o", "json"]).json();
    assert_eq!(listed["caches"][0]["name"], "exec", "{listed:#}");
    let shown = cache(&["inspect", "exec", "-o", "json"]).json();
    let keys: Vec<_> = shown["caches"][0]["entries"].as_array().unwrap().iter().map(|entry| &entry["key"]).collect();
    assert_eq!(keys, ["a", "b"], "{shown:#}");

    let _ = cache(&["delete", "exec", "--key", "a", "--yes"]).exits(0);
    assert!(!rig.entry("a").join("manifest.json").exists() && rig.entry("b").join("manifest.json").exists());
    cache(&["delete", "exec", "--key", "a", "--yes"]).fails(6, &["has no entry \"a\""]);
    cache(&["inspect", "none"]).fails(6, &["cache none does not exist"]);
    let _ = cache(&["delete", "exec", "--yes", "--force"]).exits(0);
    assert!(!rig.files.join("cache/exec").exists());
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn a_prune_removes_entries_and_the_blobs_that_none_names(#[case] kind: Kind) {
    let rig = filled(kind);
    let prune =
        |arguments: &[&str]| rig.run([&["cache", "prune", "exec", "--store", &rig.url, "--yes"], arguments].concat());
    // Both seconds have passed: times of a bucket are whole ones.
    std::thread::sleep(Duration::from_millis(2100));
    let _ = prune(&["--keep", "1", "--grace", "1h"]).exits(0);
    assert_eq!(rig.blobs().len(), 2, "younger than the grace");
    rig.assert_whole();
    let _ = prune(&["--keep", "1", "--grace", "0s", "--dry-run"]).exits(0).says("removed (dry run)");
    assert_eq!(rig.blobs().len(), 2);
    let _ = prune(&["--keep", "1", "--grace", "0s"]).exits(0).says("artifacts that no entry names");
    assert_eq!(rig.blobs().len(), 1);
    rig.assert_whole();
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn entries_are_carried_from_one_cache_to_another(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let _ = rig.exec(&["--key", "a"], "echo a").exits(0);
    let file = rig.path("cache.json");
    let file = file.to_str().unwrap();
    let _ = rig.run(["cache", "export", "exec", "--store", &rig.url, "--file", file]).exits(0);
    let _ = rig.run(["cache", "import", file, "--into", "other", "--store", &rig.url, "--yes"]).exits(0);
    let shown = rig.run(["cache", "inspect", "other", "--store", &rig.url, "-o", "name"]).good();
    assert_eq!(shown, "a\n");
    // What was imported has no standard output of its own: the result is printed.
    let _ = rig.exec(&["--cache", "other", "--key", "a"], "echo ran").prints(0, "a").says("cached");
    let differences = rig.run(["cache", "diff", "exec", "other", "--store", &rig.url]);
    let _ = differences.exits(0);
}

#[test]
fn a_directory_is_asked_for_many_prefixes() {
    let rig = filled(Kind::Directory);
    let store = Store::open(rig.url.parse::<StoreAddress>().unwrap(), true).unwrap();
    let prefixes: Vec<_> =
        ["a", "none", "b"].map(|key| ("exec".parse().unwrap(), key.parse().unwrap())).into_iter().collect();
    let there: Vec<bool> = store.exist(&prefixes).into_iter().map(Result::unwrap).collect();
    assert_eq!(there, [true, false, true]);
}
