//! Whether a run was made from a document, and by whom: by names, and by what marks the run.

use crate::argo::Workflow;
use crate::argo::identity::ObjectName;

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

/// Whether the run is named as the document names its runs. Its metadata tell.
pub(crate) fn is_run_of(naming: &Naming, run: &Workflow) -> bool {
    let is_named = match run.generate_name() {
        // The name of the first attempt stays in the prefix of all later ones.
        Some(prefix) => prefix == naming.prefix() || prefix.strip_suffix('-').is_some_and(|first| naming.is_of(first)),
        None => naming.is_of(run.name()),
    };
    is_named && !run.is_being_deleted()
}

/// Whether this user may have created the run: nothing names somebody else.
pub(crate) fn may_be_of(user: Option<&str>, run: &Workflow) -> bool {
    user.is_none() || run.creator().is_none() || run.creator() == user
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::argo::workflow::CREATOR_ANNOTATION;

    fn run(metadata: &Value) -> Workflow {
        Workflow::from(json!({"metadata": metadata}))
    }

    #[test]
    fn a_run_is_known_by_the_name_that_its_document_gives() {
        let (named, prefixed) = (Naming::Name("etl".to_owned()), Naming::Prefix("etl-".to_owned()));
        let first = run(&json!({"name": "etl"}));
        let generated = run(&json!({"name": "etl-x2k9f"}));
        let second = run(&json!({"name": "etl-x2k9f-bbbbb", "generateName": "etl-x2k9f-"}));
        let of_named = run(&json!({"name": "etl-bbbbb", "generateName": "etl-"}));
        let other = run(&json!({"name": "etl-nightly"}));
        let told = |naming: &Naming| [&first, &generated, &second, &of_named, &other].map(|run| is_run_of(naming, run));
        assert_eq!(told(&named), [true, false, false, true, false]);
        assert_eq!(told(&prefixed), [false, true, true, true, false]);
        let deleted = run(&json!({"name": "etl", "deletionTimestamp": "2026-11-21T10:00:00Z"}));
        assert!(!is_run_of(&named, &deleted));
    }

    #[test]
    fn a_run_is_somebody_elses_only_where_that_is_written() {
        let of_ann = run(&json!({"annotations": {CREATOR_ANNOTATION: "ann@example.org"}}));
        let of_server = run(&json!({"labels": {"workflows.argoproj.io/creator": "ann"}}));
        let plain = run(&json!({}));
        let told = |user| [&of_ann, &of_server, &plain].map(|run| may_be_of(user, run));
        assert_eq!(told(Some("ann@example.org")), [true, false, true]);
        assert_eq!(told(Some("bob")), [false, false, true]);
        assert_eq!(told(None), [true, true, true], "who asks is not known");
    }
}
