//! Documents as the whole module handles them, on texts that stand here.

#![allow(clippy::unwrap_used)]

mod emission;
mod errors;
mod limits;
mod reading;
mod shape;

use super::*;
use crate::argo::check::{Options, Rule, check_fields};

const HEAD: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n";

fn source(text: impl Into<Vec<u8>>) -> Source {
    Source { name: "wf.yaml".to_owned(), text: text.into() }
}

fn read(text: &str) -> Parsed {
    parse(&source(text)).unwrap()
}

fn refusal(text: impl Into<Vec<u8>>) -> DocumentError {
    parse(&source(text)).unwrap_err()
}

/// What reading a text says, or else a check of the types and names of its fields.
fn field_refusal(text: &Source) -> DocumentError {
    let documents = match parse(text) {
        Ok(parsed) => parsed.documents,
        Err(error) => return error,
    };
    let problems = documents.iter().flat_map(|document| {
        let findings = check_fields(&document.value, document.kind, &Options::default());
        let findings = findings.into_iter().filter(|finding| finding.rule != Rule::Required);
        findings.map(|finding| {
            let problem = document.problem(&finding.pointer, finding.message);
            finding.hint.into_iter().fold(problem, super::error::Problem::with_hint)
        })
    });
    DocumentError::Invalid { problems: problems.collect() }
}

/// What one YAML value is read as; it stands in an annotation-like free field.
fn value_of(yaml: &str) -> Value {
    read(&format!("{HEAD}x:\n- {yaml}\n")).documents[0].value["x"][0].clone()
}
