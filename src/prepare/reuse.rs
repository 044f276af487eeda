//! Templates that their user declares pure functions: what they give follows from their content and inputs alone, whichever run
//! calls them. Their entries are found by all runs that use the same cache.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::PrepareError;
use crate::argo::Metadata;
use crate::argo::template::Template;
use crate::argo::workflow_spec::templates;

/// The annotation of a template that declares it so, and of a workflow that names those that were asked for.
pub(super) const ANNOTATION: &str = "kubectl-runnable/reuse";
/// Stands for all templates.
const ALL: &str = "all";

/// The templates whose entries other runs may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reuse {
    /// All of them.
    all: bool,
    /// These.
    templates: BTreeSet<String>,
    /// Whether an earlier attempt has asked for them; templates that are gone by now are no slip.
    said: bool,
}

/// Why an entry of a template is of use in its own run only, although it was declared a pure function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Impure {
    /// It reads artifacts, whose content is not known when the key is made.
    Artifacts,
    /// It reads values that differ in each run.
    Volatile {
        /// The values, such as `workflow.name`.
        values: Vec<String>,
    },
    /// Nobody has named the cache, so that no other run finds it.
    NoCache,
}

impl FromIterator<String> for Reuse {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let mut templates: BTreeSet<String> = names.into_iter().collect();
        let all = templates.remove(ALL);
        Self { all, templates, said: false }
    }
}

impl Reuse {
    /// Whether nothing is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        !self.all && self.templates.is_empty()
    }

    /// What is asked for, or what the document has said.
    pub(super) fn or_said(&self, document: &Value) -> Self {
        let said = Metadata::of(document).annotation(ANNOTATION).filter(|_| self.is_empty());
        match said {
            None => self.clone(),
            Some("true") => Self { all: true, ..Self::default() },
            Some(said) => Self { said: true, ..said.split(',').map(str::to_owned).collect() },
        }
    }

    /// How a document says so, where something is asked for.
    pub(super) fn said(&self) -> Option<String> {
        let names = self.templates.iter().map(String::as_str).chain(self.all.then_some(ALL));
        (!self.is_empty()).then(|| names.collect::<Vec<_>>().join(","))
    }

    /// Whether a template is declared a pure function: by name, or by its own annotation.
    pub(super) fn declares(&self, template: Template<'_>) -> bool {
        let own = Metadata::of(template.value()).annotation(ANNOTATION);
        self.all || self.templates.contains(template.name()) || own == Some("true")
    }

    /// Refuses names of templates that the spec does not have.
    pub(super) fn check(&self, spec: &Value) -> Result<(), PrepareError> {
        let asked = self.templates.iter().filter(|_| !self.said);
        let missing = asked.into_iter().find(|name| templates(spec).all(|template| template.name() != **name));
        missing.map_or(Ok(()), |name| Err(PrepareError::NothingToReuse { name: name.clone() }))
    }
}

impl fmt::Display for Impure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Artifacts => formatter.write_str("reads artifacts, whose content is not in its key"),
            Self::Volatile { values } => {
                write!(formatter, "reads {}, which differs in each run", values.join(", "))
            }
            Self::NoCache => formatter.write_str("--cache-name names no cache that other runs find"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_is_declared_by_name_by_all_or_by_its_annotation() {
        let template = json!({"name": "load"});
        let own = json!({"name": "own", "metadata": {"annotations": {ANNOTATION: "true"}}});
        let declares = |names: &[&str], template: &Value| {
            names.iter().map(|name| (*name).to_owned()).collect::<Reuse>().declares(Template::new(template))
        };
        assert!(declares(&["load"], &template) && declares(&["all"], &template) && declares(&[], &own));
        assert!(!declares(&["other"], &template) && !declares(&[], &template));
    }

    #[test]
    fn the_document_says_to_later_attempts_what_was_asked_for() {
        let asked: Reuse = ["b", "a"].map(str::to_owned).into_iter().collect();
        let document = json!({"metadata": {"annotations": {ANNOTATION: asked.said()}}});
        let said = Reuse::default().or_said(&document);
        assert_eq!((&said.templates, said.said()), (&asked.templates, asked.said()));
        assert!(asked.check(&json!({"templates": [{"name": "a"}]})).is_err());
        assert!(said.check(&json!({"templates": [{"name": "a"}]})).is_ok(), "an edited document may have lost one");
        let all: Reuse = [ALL.to_owned()].into_iter().collect();
        assert_eq!((all.or_said(&document), all.said().as_deref()), (all.clone(), Some("all")));
        assert_eq!(Reuse::default().said(), None);
    }
}
