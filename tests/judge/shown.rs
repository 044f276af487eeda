//! The smallest document of each documented difference, a file of `shown` each: a node, and what its line begins with in Argo and here;
//! nothing where there is no such node.

use std::fs;
use std::path::{Path, PathBuf};
use std::slice;

use super::judge::Judge;
use super::outcome::outcome;
use super::player::{Ends, play};

/// What all documents have before their templates, and the templates that they call.
const HEAD: &str = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w, namespace: default}
spec:
  entrypoint: main
  templates:
  - {name: leaf, container: {image: a, command: ['true']}}
  - {name: bad, memoize: {key: bad_key, maxAge: '', cache: {configMap: {name: c}}}, container: {image: a, command: ['true']}}
";

/// The documents.
pub(crate) fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge/shown");
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What is not as a document says.
pub(crate) fn fault(shown: &Path, judge: &Judge, directory: &Path) -> Option<String> {
    let text = fs::read_to_string(shown).unwrap();
    let said = |what: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(what)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("{} says no {what}", shown.display())).strip_prefix(' ').unwrap_or_default()
    };
    let (_, templates) = text.split_once("templates:\n").unwrap();
    let file = directory.join(shown.file_name().unwrap());
    fs::write(&file, format!("{HEAD}{templates}")).unwrap();

    let theirs = outcome(&judge.runs(slice::from_ref(&file), Ends::Together).remove(0)?);
    let ours = match play(&file, Ends::Together) {
        Ok(ours) => outcome(&ours),
        Err(why) => return Some(format!("{}: {why}", shown.display())),
    };
    let node = said("node");
    let is = |outcome: Option<&String>, expected: &str| match outcome {
        Some(line) => !expected.is_empty() && line.starts_with(expected),
        None => expected.is_empty(),
    };
    let (there, here) = (theirs.get(node), ours.get(node));
    let is_shown = is(there, said("there")) && is(here, said("here"));
    (!is_shown).then(|| format!("{}: {node} in Argo {there:?}, here {here:?}", shown.display()))
}
