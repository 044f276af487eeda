//! The pages of docs/ are true: commands that they show with their output are run in order, each page in a new home with the
//! examples, and print what the page says, but for times and made-up names. Each page is in the summary, and no link is dead.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use regex::Regex;

use self::support::environment::Environment;
use self::support::{PROGRAM, files};

/// What stands for lines that are left out.
const LEFT_OUT: &str = "…";

/// A command as a page shows it.
struct Shown {
    command: String,
    output: Vec<String>,
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// All pages, by their paths below docs/.
fn pages() -> Vec<String> {
    let directory = docs();
    let mut pages: Vec<String> = ["", "how-to"]
        .iter()
        .flat_map(|part| std::fs::read_dir(directory.join(part)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| path.strip_prefix(&directory).unwrap().to_str().unwrap().to_owned())
        .collect();
    pages.sort();
    pages
}

fn text_of(page: &str) -> String {
    std::fs::read_to_string(docs().join(page)).unwrap()
}

fn shown(page: &str) -> Vec<Shown> {
    let text = text_of(page);
    let mut all: Vec<Shown> = Vec::new();
    for block in text.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => all.push(Shown { command: command.to_owned(), output: Vec::new() }),
                None => all.last_mut().unwrap().output.push(line.to_owned()),
            }
        }
    }
    all
}

/// An output without what differs from run to run: times, run ids, hashes and the ends of generated names.
fn settled(output: &str) -> Vec<String> {
    let rules = [
        (r"\d{8}-\d{6}-[a-z0-9]{6}", "ID"),
        (r"\b\d+(\.\d+)?s\b", "TIME"),
        (r"\b[0-9a-f]{16}\b", "HASH"),
        (r"\betl-[a-z0-9]{5}\b", "etl-NAME"),
        (r"\b\d{4}-\d\d-\d\dT[\d:.]+Z", "DATE"),
        (r"\b([0-9a-f]{40}|[0-9a-f]{10})\b", "COMMIT"),
        (r"\b\d+\.\d\d KiB\b", "SIZE"),
        (r" +", " "),
    ]
    .map(|(pattern, text)| (Regex::new(pattern).unwrap(), text));
    let settle = |line: &str| {
        rules.iter().fold(line.trim_end().to_owned(), |line, (rule, text)| rule.replace_all(&line, *text).into_owned())
    };
    let mut lines: Vec<String> = output.lines().map(settle).collect();
    // Nodes that start in one instant have no order; the last one has another branch.
    for siblings in lines.chunk_by_mut(|one, other| is_branch(one) && is_branch(other)) {
        for line in siblings.iter_mut() {
            *line = line.replacen("└─", "├─", 1);
        }
        siblings.sort();
    }
    lines
}

/// Whether a line of a tree is a node below the first one.
fn is_branch(line: &str) -> bool {
    line.starts_with("├─") || line.starts_with("└─")
}

/// Whether the lines are those of the page, where it leaves none out.
fn agrees(expected: &[String], seen: &[String]) -> bool {
    match (expected, seen) {
        ([], []) => true,
        ([first, rest @ ..], seen) if first == LEFT_OUT => (0..=seen.len()).any(|from| agrees(rest, &seen[from..])),
        ([first, expected @ ..], [line, seen @ ..]) => first == line && agrees(expected, seen),
        _ => false,
    }
}

/// A home with the examples, in which `kubectl runnable` is this program.
fn home() -> Environment {
    let home = Environment::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    std::fs::create_dir_all(home.path("examples")).unwrap();
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, home.path("examples").join(path.file_name().unwrap())).unwrap();
    }
    std::fs::create_dir(home.path("bin")).unwrap();
    let kubectl = home.path("bin/kubectl");
    files::write(&kubectl, format!("#!/bin/sh\nshift\nexec '{PROGRAM}' \"$@\"\n"));
    std::fs::set_permissions(&kubectl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    home
}

fn runs_as_shown(page: &str) {
    let home = home();
    let path = format!("{}:{}", home.path("bin").display(), std::env::var("PATH").unwrap());
    let all = shown(page);
    assert!(!all.is_empty(), "{page} shows no command");
    for Shown { command, output } in all {
        let mut shell = home.other("sh");
        shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]).env("PATH", &path);
        let seen = home.finish(&mut shell).stdout;
        let agrees = agrees(&settled(&output.join("\n")), &settled(&seen));
        assert!(agrees, "{page}: {command}\nshown:\n{}\nseen:\n{seen}", output.join("\n"));
    }
}

#[test]
fn getting_started() {
    runs_as_shown("getting-started.md");
}

#[test]
fn fix_and_rerun() {
    runs_as_shown("how-to/fix-and-rerun.md");
}

#[test]
fn a_ci_script() {
    runs_as_shown("how-to/ci-script.md");
}

#[test]
fn github_actions() {
    runs_as_shown("how-to/github-actions.md");
}

#[test]
fn gitlab() {
    runs_as_shown("how-to/gitlab.md");
}

#[test]
fn locks() {
    runs_as_shown("how-to/locks.md");
}

#[test]
fn worktrees() {
    runs_as_shown("how-to/worktrees.md");
}

#[test]
fn the_summary_has_each_page_once() {
    let summary = text_of("SUMMARY.md");
    for page in pages().iter().filter(|page| *page != "SUMMARY.md") {
        assert_eq!(summary.matches(&format!("]({page})")).count(), 1, "{page}");
    }
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let letters = heading.trim().to_lowercase();
    let kept = letters.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[test]
fn no_link_is_dead() {
    const FILES: &str = "https://github.com/kubectl-runnable/kubectl-runnable/blob/main/";
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = pages().into_iter().map(|page| docs().join(page)).chain([root.join("README.md")]);
    for page in all {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in link.captures_iter(&text).map(|found| found[1].to_owned()) {
            if let Some(file) = target.strip_prefix(FILES) {
                assert!(root.join(file.split('#').next().unwrap()).exists(), "{}: {target}", page.display());
            }
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((&target, ""));
            let path = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(path.exists(), "{}: {target}", page.display());
            // The site has the pages alone.
            let within = docs().canonicalize().unwrap();
            let leaves = page.starts_with(docs()) && !path.canonicalize().unwrap().starts_with(within);
            assert!(!leaves, "{}: {target} leads out of docs: {FILES}…", page.display());
            if !fragment.is_empty() {
                let text = std::fs::read_to_string(&path).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#')));
                assert!(anchors.any(|anchor| anchor == fragment), "{}: {target}", page.display());
            }
        }
    }
}
