//! Whether a run was made from a document: by the names of both.

use crate::argo::Workflow;
use crate::argo::identity::{ObjectName, RunId};

/// The label by which the server remembers who created a workflow (common.LabelKeyCreator, v4.1.2).
const CREATOR: &str = "workflows.argoproj.io/creator";

/// How a document names its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By a name, which only the first attempt of a run has.
    Name(String),
    /// By the prefix of generated names.
    Prefix(String),
}

impl Naming {
    /// The prefix of the names of later attempts.
    pub(crate) fn prefix(&self) -> String {
        match self {
            Self::Name(name) => format!("{name}-"),
            Self::Prefix(prefix) => prefix.clone(),
        }
    }

    fn is_of(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => name == own,
            Self::Prefix(prefix) => ObjectName::is_generated(name, prefix),
        }
    }
}

/// Whether the run is one of the document: prepared, named as the document names its runs, created by the same user, and
/// with this run id where the document or the user gives one.
pub(crate) fn is_run_of(document: &Workflow, naming: &Naming, run_id: Option<&RunId>, run: &Workflow) -> bool {
    let Some(id) = run.run_id() else { return false };
    let is_named = match run.generate_name() {
        // The name of the first attempt stays in the prefix of all later ones.
        Some(prefix) => prefix == naming.prefix() || prefix.strip_suffix('-').is_some_and(|first| naming.is_of(first)),
        None => naming.is_of(run.name()),
    };
    is_named
        && run_id.is_none_or(|wanted| wanted.as_str() == id)
        && run.label(CREATOR) == document.label(CREATOR)
        && !run.is_being_deleted()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(metadata: &Value) -> Workflow {
        Workflow::from(json!({"metadata": metadata, "spec": {"arguments": {"parameters": [
            {"name": "run_id", "value": "r1"}]}}}))
    }

    #[test]
    fn a_run_is_known_by_the_name_that_its_document_gives() {
        let document = Workflow::from(json!({}));
        let is_run_of = |naming: &Naming, run: &Workflow| is_run_of(&document, naming, None, run);
        let (named, prefixed) = (Naming::Name("etl".to_owned()), Naming::Prefix("etl-".to_owned()));
        let first = run(&json!({"name": "etl"}));
        let generated = run(&json!({"name": "etl-x2k9f"}));
        let second = run(&json!({"name": "etl-x2k9f-bbbbb", "generateName": "etl-x2k9f-"}));
        let of_named = run(&json!({"name": "etl-bbbbb", "generateName": "etl-"}));
        let other = run(&json!({"name": "etl-nightly"}));
        let told = |naming: &Naming| [&first, &generated, &second, &of_named, &other].map(|run| is_run_of(naming, run));
        assert_eq!(told(&named), [true, false, false, true, false]);
        assert_eq!(told(&prefixed), [false, true, true, true, false]);
    }

    #[test]
    fn a_run_of_somebody_else_or_with_another_id_is_none() {
        let naming = Naming::Name("etl".to_owned());
        let (document, plain) = (Workflow::from(json!({})), run(&json!({"name": "etl"})));
        let anns = run(&json!({"name": "etl", "labels": {CREATOR: "ann"}}));
        assert!(!is_run_of(&document, &naming, None, &anns) && is_run_of(&anns, &naming, None, &anns));
        let (same, other) = ("r1".parse().ok(), "r2".parse().ok());
        assert!(is_run_of(&document, &naming, same.as_ref(), &plain));
        assert!(!is_run_of(&document, &naming, other.as_ref(), &plain));
        assert!(!is_run_of(&document, &naming, None, &Workflow::from(json!({"metadata": {"name": "etl"}}))));
    }
}
