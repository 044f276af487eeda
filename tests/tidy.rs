//! Holds the source to what its module documentation promises: pure modules name no effect, and each library with
//! effects is named in one place.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// A rule: in these files, outside their tests, none of these may be named.
struct Rule {
    files: fn(&str) -> bool,
    forbidden: &'static [&'static str],
}

const EFFECTS: &[&str] = &[
    r"\bstd::(fs|env|process|net|thread)\b",
    r"\bstd::\{[^}]*\b(fs|env|process|net|thread)\b",
    r"\b(tokio|kube|k8s_openapi|git2|rand|tempfile|nix)::",
    r"\b(Instant|SystemTime|Timestamp|Zoned)::now\b",
    r"\b(SystemTime|Instant)\b",
];

/// The keys of a live object and of a spec: whoever wants them asks `argo::Workflow` or `argo::workflow_spec`.
const KEYS: &[&str] = &[
    r#"\bstatus("\])?(\.get(_mut)?\(|\[)"(nodes|phase)""#,
    r#"\bspec("\])?(\.get(_mut)?\(|\[)"(arguments|entrypoint|templates)""#,
    r#"\b(at|field|list|text|object_field)\(&?([a-z_]+\.)?(spec|fields), "(arguments|entrypoint|templates)""#,
    r#"\bstatus"\](\["\w+"\])? = "#,
    r#""/(spec/(arguments|entrypoint|templates)|status/(nodes|phase))"#,
];

/// The metadata of any object: `argo::Metadata` reads them, `argo::Workflow` changes them.
const METADATA: &[&str] =
    &[r#"\["metadata"\]"#, r#"\.get(_mut)?\("metadata"\)"#, r#"\(\w*, "metadata""#, r#""/metadata/"#];

/// Files that still name such keys, each to be freed of them.
const NAMES_KEYS: &[&str] = &["src/retry/outline.rs"];

/// The rooms from the lowest to the highest, each with those that it may name, all of which stand above it in this list: so
/// no two rooms lean on each other, and none on what is built upon it. `cli`, the highest, may name all.
const ROOMS: &[(&str, &[&str])] = &[
    ("blocking", &[]),
    ("exit", &[]),
    ("platform", &[]),
    ("file", &["platform"]),
    ("shell", &[]),
    ("handle", &[]),
    ("argo", &["exit"]),
    ("mask", &["argo"]),
    ("control", &["argo", "exit"]),
    ("report", &["argo", "mask", "shell"]),
    ("locks", &["argo", "exit", "mask"]),
    ("prepare", &["argo", "exit"]),
    ("bundle", &["argo", "exit"]),
    ("git", &["exit", "file", "platform"]),
    ("cache", &["argo", "blocking", "exit", "file", "mask", "platform", "prepare"]),
    ("artifact", &["argo", "cache", "exit", "git"]),
    ("exec", &["argo", "blocking", "cache", "exit", "file", "platform"]),
    ("cluster", &["argo", "cache", "exit", "mask", "shell"]),
    ("local", &["argo", "artifact", "blocking", "cache", "exit", "file", "mask", "platform", "prepare"]),
    ("retry", &["argo", "cache", "exit", "local", "prepare"]),
    ("backend", &["argo", "cluster", "control", "exit", "local", "mask", "prepare", "report"]),
    ("output", &["argo", "bundle", "cache", "exit", "git", "locks", "mask", "report", "retry"]),
];

const RULES: &[Rule] = &[
    Rule { files: asks_for_keys, forbidden: KEYS },
    Rule { files: reads_objects, forbidden: METADATA },
    Rule { files: is_pure, forbidden: EFFECTS },
    Rule { files: |path| !path.starts_with("src/git/"), forbidden: &[r"\bgit2::"] },
    Rule { files: |path| !path.starts_with("src/cluster/"), forbidden: &[r"\b(kube|kube_client|k8s_openapi)::"] },
];

fn is_pure(path: &str) -> bool {
    if path.starts_with("src/cache/") {
        let effects = ["archive", "blobs", "directory", "directory_store", "lock", "prefix"];
        return !path.starts_with("src/cache/objects/")
            && !effects.iter().any(|name| path == format!("src/cache/{name}.rs"));
    }
    [
        "src/argo/",
        "src/artifact/place.rs",
        "src/bundle/",
        "src/control/",
        "src/prepare/",
        "src/local/resolved.rs",
        "src/local/scheduler",
        "src/local/stub.rs",
        "src/local/support/",
        "src/handle.rs",
        "src/locks/",
        "src/mask.rs",
        "src/report/",
        "src/retry/",
        "src/shell.rs",
    ]
    .iter()
    .any(|pure| path.starts_with(pure))
}

fn asks_for_keys(path: &str) -> bool {
    !path.starts_with("src/argo/")
        && !NAMES_KEYS.contains(&path)
        && !path.ends_with("tests.rs")
        && !path.ends_with("properties.rs")
}

/// The patterns of all rules, read once.
static PATTERNS: LazyLock<HashMap<&str, Regex>> = LazyLock::new(|| {
    let patterns = RULES.iter().flat_map(|rule| rule.forbidden);
    patterns.map(|pattern| (*pattern, Regex::new(pattern).expect("the pattern is legal"))).collect()
});

/// Preparing edits what a user wrote, and names the field that has the wrong form.
fn reads_objects(path: &str) -> bool {
    asks_for_keys(path) && !path.starts_with("src/prepare/")
}

/// A file's text without its tests and its prose, which are free; its lines stay where they are.
fn code(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code: Vec<&str> =
        code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect();
    code.join("\n")
}

/// The room that a file belongs to.
fn room(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap_or(path);
    below.split_once('/').map_or_else(|| below.trim_end_matches(".rs"), |(room, _)| room)
}

/// The rooms that a file names and its own may not.
fn arrows_upward(path: &str, text: &str) -> Vec<String> {
    let own = room(path);
    let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == own) else { return Vec::new() };
    let use_of_rooms = Regex::new(r"\bcrate::(?:\{([^}]*)\}|(\w+))").expect("the pattern is legal");
    let code = code(text);
    let mut found = Vec::new();
    for names in use_of_rooms.captures_iter(&code) {
        let listed = names.get(1).or(names.get(2)).map_or("", |listed| listed.as_str());
        for name in listed.split(',').filter_map(|name| name.trim().split("::").next()) {
            if !name.is_empty() && name != own && !allowed.contains(&name) {
                found.push(format!("{path}: {own} names {name}"));
            }
        }
    }
    found.dedup();
    found
}

/// What a rule forbids of a file's text, by line.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let rules = RULES.iter().filter(|rule| (rule.files)(path));
    let mut found: Vec<String> = rules
        .flat_map(|rule| rule.forbidden)
        .flat_map(|pattern| PATTERNS[pattern].find_iter(&code))
        .map(|found| (found.start(), found.as_str()))
        .map(|(start, name)| format!("{path}:{}: {name}", code[..start].matches('\n').count() + 1))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Asks of each file of the source, its tests left out.
fn found_in_source(ask: fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = sources(&root.join("src"));
    assert!(files.len() > 10, "the source was not found");
    let mut found = Vec::new();
    for file in files {
        let path = file.strip_prefix(root).expect("a file of the source").to_string_lossy().replace('\\', "/");
        let is_test = path.split('/').any(|part| ["tests", "tests.rs", "properties.rs"].contains(&part));
        if !is_test {
            found.extend(ask(&path, &fs::read_to_string(&file).expect("a readable file")));
        }
    }
    found
}

#[test]
fn effects_are_named_where_they_belong() {
    let found = found_in_source(breaches);
    assert!(found.is_empty(), "named outside its place:\n{}", found.join("\n"));
}

#[test]
fn no_room_names_one_that_is_built_upon_it() {
    let found = found_in_source(arrows_upward);
    assert!(found.is_empty(), "arrows upward, see ROOMS:\n{}", found.join("\n"));
    for (place, (room, allowed)) in ROOMS.iter().enumerate() {
        let lower = |name: &&str| ROOMS[..place].iter().any(|(room, _)| room == name);
        assert!(allowed.iter().all(lower), "{room} may name only what stands above it in ROOMS");
    }
}

#[test]
fn an_arrow_upward_is_found() {
    let found = |path: &str, line: &str| !arrows_upward(path, line).is_empty();
    assert!(found("src/cache/directory.rs", "use crate::local::sandbox::remove_tree;"));
    assert!(found("src/control/mod.rs", "use crate::{argo::Workflow, local};"));
    assert!(found("src/git/program.rs", "    crate::output::stream::talk(line);"));
    assert!(found("src/handle.rs", "use crate::argo::Workflow;"));
    assert!(!found("src/retry/rehearsal.rs", "use crate::local::scheduler::Scheduler;"));
    assert!(!found("src/cli/submit/mod.rs", "use crate::backend::Backend;"));
    assert!(!found("src/cache/entry.rs", "//! Not crate::local.\n#[cfg(test)]\nmod tests {\n    use crate::local;\n}"));
}

#[test]
fn an_effect_in_a_pure_module_is_found() {
    for line in [
        "use std::fs;",
        "use std::{collections::BTreeMap, env};",
        "use std::{\n    fmt,\n    net::IpAddr,\n};",
        "    let now = jiff::Timestamp::now();",
        "    let now = Instant::now();",
        "    rand::rng().fill(&mut bytes);",
        "    tokio::spawn(task);",
        "    kube::Client::try_default()",
    ] {
        for path in ["src/argo/document.rs", "src/cache/prune.rs", "src/prepare/mod.rs", "src/local/scheduler.rs"] {
            assert!(!breaches(path, &format!("//! Text.\n\n{line}\n")).is_empty(), "{path}: {line}");
        }
    }
}

#[test]
fn the_keys_of_a_live_object_are_named_in_one_room() {
    for line in [
        r#"let phase = workflow["status"]["phase"].as_str();"#,
        r#"let nodes = status.get("nodes");"#,
        r#"let name = self.plan.spec["entrypoint"].as_str();"#,
        r#"for template in list(spec.get("templates")) {}"#,
        r#"let name = text(spec, "entrypoint");"#,
        r#"let declared = workflow.pointer("/spec/arguments/parameters");"#,
        r#"let arguments = object_field(spec, "arguments", "spec.arguments")?;"#,
        r#"let name = workflow["metadata"]["name"].as_str();"#,
        r#"let namespace = object.pointer("/metadata/namespace");"#,
        r#"let name = text(object.get("metadata")?, "name");"#,
        r#"object["status"] = self.status();"#,
    ] {
        assert!(!breaches("src/cli/submit/mod.rs", line).is_empty(), "{line}");
        assert!(breaches("src/argo/workflow.rs", line).is_empty(), "{line}");
    }
    assert!(breaches("src/cli/submit/mod.rs", r#"let phase = run.status.phase; node["phase"] == "Failed""#).is_empty());
    for path in NAMES_KEYS {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        let Ok(text) = text else { continue };
        let named = KEYS.iter().any(|key| Regex::new(key).expect("the pattern is legal").is_match(&text));
        assert!(named, "{path} is free of these keys: take it off the list");
    }
}

#[test]
fn a_library_has_one_place() {
    assert_eq!(breaches("src/cli/submit.rs", "\nuse kube::Client;\n"), ["src/cli/submit.rs:2: kube::"]);
    assert_eq!(breaches("src/local/executor.rs", "use git2::Repository;"), ["src/local/executor.rs:1: git2::"]);
    assert!(breaches("src/cluster/mod.rs", "use kube::Client;").is_empty());
    assert!(breaches("src/git/base.rs", "use git2::Repository;").is_empty());
}

#[test]
fn prose_and_tests_are_free() {
    let text = "//! Must never call std::fs::read.\n\nfn pure() {}\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    assert!(breaches("src/argo/document.rs", text).is_empty());
    assert!(breaches("src/local/executor.rs", "use std::fs;\nuse std::time::Instant;\n").is_empty());
}
