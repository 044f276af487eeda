//! Holds the source to what its module documentation promises: pure modules name no effect, and each library with
//! effects is named in one place.

use std::fs;
use std::path::{Path, PathBuf};

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
    r#"\b(at|field|list|text)\(&?([a-z_]+\.)?spec, "(arguments|entrypoint|templates)""#,
    r#""/(spec/(arguments|entrypoint|templates)|status/(nodes|phase))"#,
];

/// Files that still name such keys, each to be freed of them.
const NAMES_KEYS: &[&str] = &["src/retry/outline.rs"];

const RULES: &[Rule] = &[
    Rule { files: asks_for_keys, forbidden: KEYS },
    Rule { files: is_pure, forbidden: EFFECTS },
    Rule { files: |path| !path.starts_with("src/git/"), forbidden: &[r"\bgit2::"] },
    Rule { files: |path| !path.starts_with("src/cluster/"), forbidden: &[r"\b(kube|kube_client|k8s_openapi)::"] },
];

fn is_pure(path: &str) -> bool {
    if path.starts_with("src/cache/") {
        return !["src/cache/directory.rs", "src/cache/lock.rs", "src/cache/store.rs"].contains(&path);
    }
    [
        "src/argo/",
        "src/control/",
        "src/prepare/",
        "src/local/resolved.rs",
        "src/local/scheduler",
        "src/local/support.rs",
        "src/handle.rs",
        "src/locks/",
        "src/mask.rs",
        "src/report/",
        "src/retry/",
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

/// What a rule forbids of a file's text, by line. Tests and prose are free.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code: Vec<&str> =
        code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect();
    let code = code.join("\n");
    let rules = RULES.iter().filter(|rule| (rule.files)(path));
    let mut found: Vec<String> = rules
        .flat_map(|rule| rule.forbidden)
        .flat_map(|pattern| {
            let pattern = Regex::new(pattern).expect("the pattern is legal");
            let places: Vec<_> =
                pattern.find_iter(&code).map(|found| (found.start(), found.as_str().to_owned())).collect();
            places
        })
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

#[test]
fn effects_are_named_where_they_belong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = sources(&root.join("src"));
    assert!(files.len() > 10, "the source was not found");
    let source = root.join("src");
    let is_test = |file: &Path| file.strip_prefix(&source).is_ok_and(|file| file.iter().any(|part| part == "tests"));
    let found: Vec<String> = files
        .iter()
        .filter(|file| !is_test(file))
        .flat_map(|file| {
            let path = file.strip_prefix(root).expect("a file of the source").to_string_lossy().replace('\\', "/");
            breaches(&path, &fs::read_to_string(file).expect("a readable file"))
        })
        .collect();
    assert!(found.is_empty(), "named outside its place:\n{}", found.join("\n"));
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
