//! Random documents, judged by Argo's own validator and engine: the same verdicts, nodes, phases, values and messages.
//!
//! `ARGO_JUDGE=DIR` names a directory with two programs, built from Argo's source: `validate FILE…` writes `FILE: <nil>` or
//! why Argo refuses the file, a line each; `engine` runs the workflows that `CASES` names and writes `JSON FILE WORKFLOW`.
//! Without it there is nothing to test and each test fails. `ARGO_JUDGE_SEED` is the first seed (1), `ARGO_JUDGE_COUNT` how
//! many documents are made (500; a tenth of them is run). What differs is left in `target/tmp/judge`.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod dice;
mod document;
mod faults;
mod judge;
mod leaves;
mod outcome;
mod values;

use std::fs;
use std::path::{Path, PathBuf};
use std::slice;

use serde_json::Value;

use self::document::document;
use self::faults::break_document;
use self::judge::Judge;
use self::outcome::differences;
use self::support::environment::Environment;

/// So many documents are judged by one call.
const BATCH: usize = 100;
/// The engine is asked so often again where it differs: it loses a result now and then.
const REPEATS: usize = 3;
/// So many differences are shown.
const SHOWN: usize = 40;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn seeds(part: u64) -> Vec<u64> {
    let first = number("ARGO_JUDGE_SEED", 1);
    (first..first + number("ARGO_JUDGE_COUNT", 500) / part).collect()
}

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("judge").join(name);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn write(directory: &Path, seed: u64, objects: &[Value]) -> PathBuf {
    let path = directory.join(format!("{seed}.yaml"));
    // With a comment it is YAML, whose numbers Argo reads as it reads those of people's files.
    let text = |object| format!("# seed {seed}\n{}", serde_json::to_string_pretty(object).unwrap());
    let texts: Vec<String> = objects.iter().map(text).collect();
    fs::write(&path, texts.join("\n---\n")).unwrap();
    path
}

/// The rules that a file breaks.
fn broken_rules(environment: &Environment, file: &Path) -> Vec<String> {
    let output = environment.run(["submit", "--dry-run=client", "-q", "-o", "name", file.to_str().unwrap()]);
    let rules =
        output.stderr.lines().filter_map(|line| Some(line.strip_prefix("error[")?.split_once(']')?.0.to_owned()));
    let rules: Vec<String> = rules.collect();
    assert_eq!(output.code == Some(0), rules.is_empty(), "{}: {output:#?}", file.display());
    rules
}

/// What the API server refuses before Argo's validator sees it.
const SCHEMA: [&str; 5] = ["type", "required", "enum", "limit", "image"];

#[test]
fn documents_are_refused_that_argo_refuses_and_no_others() {
    let (judge, environment, directory) = (Judge::find(), Environment::new(), directory("verdicts"));
    let (mut different, mut refused) = (Vec::new(), 0);
    let seeds = seeds(1);
    for batch in seeds.chunks(BATCH) {
        let files: Vec<PathBuf> = batch
            .iter()
            .map(|seed| {
                let legal = document(*seed);
                let objects = if seed % 4 == 0 { legal } else { break_document(*seed, legal) };
                write(&directory, *seed, &objects)
            })
            .collect();
        for (file, refusal) in files.iter().zip(judge.verdicts(&files)) {
            let rules = broken_rules(&environment, file);
            refused += usize::from(refusal.is_some());
            // What stands on a cluster is not known to a check without one.
            if refusal.as_deref().is_some_and(|why| why.contains("template reference") && why.contains("not found")) {
                continue;
            }
            let only_schema = !rules.is_empty() && rules.iter().all(|rule| SCHEMA.contains(&rule.as_str()));
            if refusal.is_some() == rules.is_empty() && !(refusal.is_none() && only_schema) {
                different.push(format!("{}: argo says {refusal:?}, here {rules:?}", file.display()));
            } else {
                fs::remove_file(file).unwrap();
            }
        }
    }
    println!("{} documents, {refused} refused by Argo, {} differ", seeds.len(), different.len());
    assert!(different.is_empty(), "{}", different.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n"));
}

#[test]
fn workflows_run_as_argo_runs_them() {
    let (judge, directory) = (Judge::find(), directory("runs"));
    let (mut different, mut ran) = (Vec::new(), 0);
    for batch in seeds(10).chunks(BATCH) {
        let files: Vec<PathBuf> = batch.iter().map(|seed| write(&directory, *seed, &document(*seed))).collect();
        let legal = judge.verdicts(&files);
        let files: Vec<PathBuf> =
            files.into_iter().zip(legal).filter(|(_, refusal)| refusal.is_none()).map(|(file, _)| file).collect();
        for (file, theirs) in files.iter().zip(judge.runs(&files)) {
            let Some(theirs) = theirs.filter(is_played) else { continue };
            ran += 1;
            let environment = Environment::new();
            let output = environment.run([
                "submit",
                "--local",
                "--memoize=keep",
                "--timeout",
                "60s",
                "-q",
                "-o",
                "json",
                file.to_str().unwrap(),
            ]);
            let Ok(ours) = serde_json::from_str(&output.stdout) else {
                different.push(format!("{}\n  {}", file.display(), output.stderr));
                continue;
            };
            let mut found = differences(&theirs, &ours);
            for _ in 0..REPEATS {
                if found.is_empty() {
                    break;
                }
                let again = judge.runs(slice::from_ref(file)).remove(0);
                found = again.map_or(found, |theirs| differences(&theirs, &ours));
            }
            if found.is_empty() {
                fs::remove_file(file).unwrap();
            } else {
                different.push(format!("{}\n  {}", file.display(), found.join("\n  ")));
            }
        }
    }
    println!("{ran} workflows, {} differ", different.len());
    assert!(different.is_empty(), "{}", different.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n"));
}

/// Whether the engine has played the workflow to its end. Of pods that it begins with a hook it does not know the phase.
fn is_played(workflow: &Value) -> bool {
    let status = &workflow["status"];
    let has_ended = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed" | "Error"));
    has_ended && !status["nodes"].to_string().contains("Unexpected pod phase")
}
