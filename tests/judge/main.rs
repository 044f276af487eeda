//! Random documents, judged by Argo's own validator and engine: the same verdicts, nodes, phases, values and messages.
//!
//! `ARGO_JUDGE=DIR` names a directory with two programs, built from Argo's source: `validate FILE…` writes `FILE: <nil>` or
//! why Argo refuses the file, a line each; `engine` runs the workflows that `CASES` names and writes `JSON FILE WORKFLOW`.
//! `tests/judge/argo/build` makes both. Without it there is nothing to test and each test fails. `ARGO_JUDGE_SEED` is the first seed (1), `ARGO_JUDGE_COUNT` how
//! many documents are made (500). All are checked and scheduled, their tasks played by bare processes; a tenth is run by the whole
//! program. What differs is left in `target/tmp/judge`. `ARGO_JUDGE_FILES=DIR` has harmless documents of your own scheduled too: their
//! commands run on this machine.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod documented;
mod following;
mod judge;
mod outcome;
mod player;
mod random;
mod shown;

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;

use self::documented::depends_on_the_order_of_nodes;
use self::judge::Judge;
use self::outcome::differences;
use self::player::{Ends, play};
use self::random::{document, written};
use self::support::environment::Environment;

/// So many documents are judged by one call.
const BATCH: usize = 25;
/// The engine is asked so often again where it differs: it loses a result now and then.
const REPEATS: usize = 8;
/// The same where it is by luck what it does.
const CHANCES: usize = 20;
/// So often the validator is asked again where it differs.
const VERDICTS: usize = 8;
/// So many batches are judged at once: Argo's engine sleeps most of the time.
const LANES: usize = 32;
/// So many differences are shown.
const SHOWN: usize = 40;

/// What makes of a file the workflow as it ends here.
type Run<'a> = dyn Fn(&Path, Ends) -> Result<Value, String> + 'a;

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
    if rules.is_empty() { broken_rules_of_templates(environment, file) } else { rules }
}

/// The rules that are broken by what stands beside a workflow: `submit` looks at what the workflow reaches.
fn broken_rules_of_templates(environment: &Environment, file: &Path) -> Vec<String> {
    let output = environment.run(["lint", "--output", "json", file.to_str().unwrap()]);
    let findings: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    let errors = findings.iter().filter(|finding| finding["severity"] == "error");
    errors.map(|error| error["rule"].as_str().unwrap().to_owned()).collect()
}

/// What the API server refuses before Argo's validator sees it.
const SCHEMA: [&str; 5] = ["type", "required", "enum", "limit", "image"];

#[test]
fn documents_are_refused_that_argo_refuses_and_no_others() {
    let (judge, environment, directory) = (Judge::find(), Environment::new(), directory("verdicts"));
    let (mut different, mut refused) = (Vec::new(), 0);
    let seeds = seeds(1);
    for batch in seeds.chunks(BATCH) {
        let files: Vec<PathBuf> = batch.iter().map(|seed| write(&directory, *seed, &written(*seed))).collect();
        for (file, refusal) in files.iter().zip(judge.verdicts(&files)) {
            let rules = broken_rules(&environment, file);
            refused += usize::from(refusal.is_some());
            // What stands on a cluster is not known to a check without one.
            if refusal.as_deref().is_some_and(|why| why.contains("template reference") && why.contains("not found")) {
                continue;
            }
            if !agrees(refusal.as_ref(), &rules) && !varies(&judge, file, &rules) {
                different.push(format!("{}: argo says {refusal:?}, here {rules:?}", file.display()));
            } else {
                fs::remove_file(file).unwrap();
            }
        }
    }
    println!("{} documents, {refused} refused by Argo, {} differ", seeds.len(), different.len());
    assert!(different.is_empty(), "{}", different.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n"));
}

fn agrees(refusal: Option<&String>, rules: &[String]) -> bool {
    let only_schema = !rules.is_empty() && rules.iter().all(|rule| SCHEMA.contains(&rule.as_str()));
    refusal.is_some() != rules.is_empty() || (refusal.is_none() && only_schema)
}

/// Whether Argo gives the same verdict if it is asked again: it looks at one inline template of an object only, and at the first
/// one by the order of a Go map. (validate.go, validateDAG and getTemplateID)
fn varies(judge: &Judge, file: &Path, rules: &[String]) -> bool {
    let again = || judge.verdicts(slice::from_ref(&file.to_owned())).remove(0);
    (0..VERDICTS).any(|_| agrees(again().as_ref(), rules))
}

/// What is not the same of the documents of these seeds, and how many Argo's engine has played.
fn compare(judge: &Judge, seeds: &[u64], directory: &Path, run: &Run<'_>) -> (usize, Vec<String>) {
    let files: Vec<PathBuf> = seeds.iter().map(|seed| write(directory, *seed, &document(*seed))).collect();
    compare_files(judge, files, run)
}

/// What is not the same of these documents, which are removed where all is, and how many Argo's engine has played.
fn compare_files(judge: &Judge, files: Vec<PathBuf>, run: &Run<'_>) -> (usize, Vec<String>) {
    let verdicts = judge.verdicts(&files);
    let (legal, refused): (Vec<_>, Vec<_>) = files.into_iter().zip(verdicts).partition(|(_, why)| why.is_none());
    for (file, _) in &refused {
        fs::remove_file(file).unwrap();
    }
    let legal: Vec<PathBuf> = legal.into_iter().map(|(file, _)| file).collect();

    let (mut ran, mut different) = (0, Vec::new());
    for (file, theirs) in legal.iter().zip(judge.runs(&legal, Ends::Together)) {
        if let Some(theirs) = theirs.filter(is_played) {
            ran += 1;
            if let Some(how) = difference(judge, file, &theirs, run) {
                println!("{}\n  {how}", file.display());
                different.push(format!("{}\n  {how}", file.display()));
                continue;
            }
        }
        fs::remove_file(file).unwrap();
    }
    (ran, different)
}

/// How Argo's workflow and ours differ, if they do whenever the pods end. `theirs` is Argo's where they end together.
fn difference(judge: &Judge, file: &Path, theirs: &Value, run: &Run<'_>) -> Option<String> {
    let together = difference_where(Ends::Together, judge, file, Some(theirs), run)?;
    let in_turn = difference_where(Ends::InTurn, judge, file, None, run)?;
    Some(if in_turn == together { together } else { format!("{together}\n ended in turn:\n  {in_turn}") })
}

fn difference_where(ends: Ends, judge: &Judge, file: &Path, theirs: Option<&Value>, run: &Run<'_>) -> Option<String> {
    let ours = match run(file, ends) {
        Ok(ours) => ours,
        Err(why) => return Some(why),
    };
    let mut found = theirs.map(|theirs| differences(theirs, &ours));
    for _ in 0..if depends_on_the_order_of_nodes(&ours) { CHANCES } else { REPEATS } {
        if found.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let again = judge.runs(slice::from_ref(&file.to_owned()), ends).remove(0).filter(is_played);
        found = again.map(|theirs| differences(&theirs, &ours)).or(found);
    }
    match found {
        Some(found) if found.is_empty() => None,
        found => Some(found.unwrap_or_default().join("\n  ")),
    }
}

#[track_caller]
fn same(ran: usize, different: &[String]) {
    println!("{ran} workflows, {} differ", different.len());
    assert!(different.is_empty(), "{}", different.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n"));
}

#[test]
fn workflows_are_scheduled_as_argo_schedules_them() {
    let (judge, directory, seeds) = (Judge::find(), directory("schedules"), seeds(1));
    let batches = Mutex::new(seeds.chunks(BATCH));
    let found = Mutex::new((0, Vec::new()));
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let Some(batch) = batches.lock().unwrap().next() else { return };
                    let (ran, different) = compare(&judge, batch, &directory, &play);
                    let mut found = found.lock().unwrap();
                    found.0 += ran;
                    found.1.extend(different);
                }
            });
        }
    });
    let (ran, different) = found.into_inner().unwrap();
    same(ran, &different);
}

#[test]
#[ignore = "ARGO_JUDGE_FILES names the documents"]
fn workflows_of_a_directory_are_scheduled_as_argo_schedules_them() {
    let (judge, target) = (Judge::find(), directory("files"));
    let given = std::env::var_os("ARGO_JUDGE_FILES").expect("ARGO_JUDGE_FILES names a directory");
    let copied = |entry: io::Result<DirEntry>| {
        let entry = entry.unwrap();
        let copy = target.join(entry.file_name());
        fs::copy(entry.path(), &copy).unwrap();
        copy
    };
    let mut files: Vec<PathBuf> = fs::read_dir(given).unwrap().map(copied).collect();
    files.sort();
    let (mut ran, mut different) = (0, Vec::new());
    for batch in files.chunks(BATCH) {
        let (more, found) = compare_files(&judge, batch.to_vec(), &play);
        ran += more;
        different.extend(found);
    }
    same(ran, &different);
}

#[test]
fn workflows_run_as_argo_runs_them() {
    let (judge, directory) = (Judge::find(), directory("runs"));
    let run = |file: &Path, _| {
        let file = file.to_str().unwrap();
        let submit = ["submit", "--local", "--memoize=keep", "--timeout", "60s", "-q", "-o", "json", file];
        let output = Environment::new().run(submit);
        serde_json::from_str(&output.stdout).map_err(|_| output.stderr)
    };
    let (mut ran, mut different) = (0, Vec::new());
    for batch in seeds(10).chunks(BATCH) {
        let (more, found) = compare(&judge, batch, &directory, &run);
        ran += more;
        different.extend(found);
    }
    same(ran, &different);
}

#[test]
fn documented_differences_are_seen_in_argo() {
    let (judge, directory) = (Judge::find(), directory("shown"));
    let faults: Vec<String> =
        shown::files().iter().filter_map(|shown| shown::fault(shown, &judge, &directory)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether the engine has played the workflow to its end. Of pods that it begins with a hook it does not know the phase, and it
/// refuses some that the validator has let through: see `varies`.
fn is_played(workflow: &Value) -> bool {
    let status = &workflow["status"];
    let is_refused = status["message"].as_str().is_some_and(|why| why.starts_with("invalid spec: "));
    let has_ended = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed" | "Error"));
    has_ended && !is_refused && !status["nodes"].to_string().contains("Unexpected pod phase")
}
