//! Documents as the whole module handles them, on texts that stand here.

#![allow(clippy::unwrap_used)]

mod emission;
mod errors;
mod limits;
mod reading;
mod shape;

use super::*;

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

/// What one YAML value is read as; it stands in an annotation-like free field.
fn value_of(yaml: &str) -> Value {
    read(&format!("{HEAD}x:\n- {yaml}\n")).documents[0].value["x"][0].clone()
}
