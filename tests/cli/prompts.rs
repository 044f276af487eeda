//! Questions at a terminal: what a no or an interruption leaves as it was, and a yes does not.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{key, with_run};
use crate::support::environment::Environment;
use crate::terminal::answered;
use crate::workflows::one_task;

const CONTROL_C: &str = "\u{3}";
const ESCAPE: &str = "\u{1b}";
const ENTER: &str = "\r";

/// Everything below a directory, with its content.
fn below(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        found.extend(if path.is_dir() { below(&path) } else { vec![(path.clone(), fs::read(&path).unwrap())] });
    }
    found.sort();
    found
}

fn cache(environment: &Environment, words: &[&str], keys: &[&str], code: i32) -> String {
    answered(environment.command(["cache"].iter().chain(words)), keys, code)
}

/// Says everything but yes, and sees that nothing changes; then says yes.
fn only_yes_is_yes(environment: &Environment, words: &[&str], question: &str) {
    let caches = environment.path("state/cache");
    let before = below(&caches);
    for (key, said) in [
        ("n", "nothing was changed"),
        (ENTER, "nothing was changed"),
        (ESCAPE, "nothing was changed"),
        (CONTROL_C, "interrupted: nothing was changed"),
    ] {
        let text = cache(environment, words, &[key], 130).replace("\r\n", "\n");
        assert!(text.contains(question) && text.contains(said), "{key:?} {text:?}");
        assert_eq!(below(&caches), before, "{key:?} {text:?}");
        let [hidden, shown] = ["\u{1b}[?25l", "\u{1b}[?25h"].map(|sign| text.rfind(sign));
        assert!(hidden <= shown, "the cursor comes back: {text:?}");
    }
    let text = cache(environment, words, &["y"], 0);
    assert!(text.contains(question) && !text.contains("nothing was changed"), "{text:?}");
    assert_ne!(below(&caches), before, "{text:?}");
}

#[test]
fn prune_asks() {
    let environment = with_run("echo hello");
    only_yes_is_yes(&environment, &["prune", "kept", "--local", "--keep", "0"], "Remove 1 entry");
}

#[test]
fn delete_asks_for_a_cache_and_for_an_entry() {
    let environment = with_run("echo hello");
    let key = key(&environment);
    let _ = environment.run("submit --local wf.yaml --name second --run-id r2 --cache-name kept -q".split(' '));
    only_yes_is_yes(&environment, &["delete", "kept", "--local", "--key", &key], "Delete 1 entry of cache kept?");
    only_yes_is_yes(&environment, &["delete", "kept", "--local"], "Delete cache kept in ");
}

#[test]
fn fixing_asks() {
    let environment = with_run("echo hello");
    fs::write(environment.path("state/cache/kept").join(key(&environment)).join("manifest.json"), "{").unwrap();
    only_yes_is_yes(&environment, &["inspect", "--local", "--fix"], "1 entry goes: repair cache kept?");
}

#[test]
fn an_import_asks_before_it_replaces() {
    let environment = with_run("echo hello");
    let file = environment.run("cache export kept --local".split(' ')).result(0).to_owned();
    let environment = environment.file("newer.json", file.replace("\"nodeId\": \"wf\"", "\"nodeId\": \"other\""));
    let words = ["import", "newer.json", "--local", "--overwrite"];
    only_yes_is_yes(&environment, &words, "Replace 1 entry of cache kept?");
}

/// All is agreed to before anything is done.
#[test]
fn a_no_to_the_second_leaves_the_first() {
    let environment = with_run("echo hello");
    let _ = environment.run("submit --local wf.yaml --name second --run-id r1 --cache-name more -q".split(' '));
    let before = below(&environment.path("state/cache"));
    let words = ["delete", "kept", "more", "--local"];
    let text = cache(&environment, &words, &["y", "n"], 130);
    assert!(text.contains("Delete cache kept") && text.contains("Delete cache more"), "{text:?}");
    assert_eq!(below(&environment.path("state/cache")), before);
    let _ = cache(&environment, &words, &["y", "y"], 0);
    assert_eq!(below(&environment.path("state/cache")).len(), 0);
}

#[test]
fn dry_runs_and_yes_do_not_ask() {
    let environment = with_run("echo hello");
    for words in ["prune kept --local --keep 0 --dry-run", "delete kept --local --dry-run", "delete kept --local -y"] {
        let words: Vec<&str> = words.split(' ').collect();
        let text = cache(&environment, &words, &[], 0);
        assert!(!text.contains("[y/N]"), "{text:?}");
    }
}

#[test]
fn a_retry_is_agreed_to_by_enter_and_by_nothing_else_than_yes() {
    let environment = Environment::with("wf.yaml", one_task("name: wf", "exit 1"));
    let _ = environment.run("submit --local wf.yaml -q".split(' ')).result(3);
    for key in ["n", CONTROL_C] {
        let text = answered(environment.command(["retry", "wf", "--local"]), &[key], 130);
        assert!(text.contains("nothing was changed"), "{text:?}");
        assert_eq!(environment.runs(), ["wf"]);
    }
    let _ = answered(environment.command(["retry", "wf", "--local", "-q"]), &[ENTER], 3);
    assert_eq!(environment.runs().len(), 2);
}
