//! What a check finds: which rule, how bad, where, what and what to do.

pub(crate) use super::rule::Rule;
use crate::argo::document::Severity;

/// The most findings of one severity that are collected of one document.
pub(super) const MOST: usize = 200;

/// One thing that is wrong with a document, or probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The rule that is broken.
    pub(crate) rule: Rule,
    /// Whether a cluster would refuse the document for it.
    pub(crate) severity: Severity,
    /// The object that the field stands in.
    pub(crate) holder: Holder,
    /// The field, as a JSON pointer.
    pub(crate) pointer: String,
    /// What is wrong: a lower-case fragment.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// How its text is put right, where that is mechanical.
    pub(crate) fix: Option<Fix>,
}

/// What is mechanical to put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fix {
    /// The field has another name.
    Rename(String),
    /// The value is a text.
    Quote,
    /// The value is no text.
    Unquote,
    /// The field has another name, and its value is a list's item.
    MakeList(&'static str),
    /// The object gets a field.
    Add(&'static str),
    /// The value is another text.
    Replace(String),
}

/// The object that a field stands in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// The document that is checked.
    Document,
    /// A WorkflowTemplate that it refers to.
    Template(String),
    /// A ClusterWorkflowTemplate that it refers to.
    ClusterTemplate(String),
}

/// Whether one more finding is collected: many warnings leave room for errors.
pub(super) fn has_room(findings: &[Finding], severity: Severity) -> bool {
    findings.len() < MOST || findings.iter().filter(|finding| finding.severity == severity).count() < MOST
}

impl Finding {
    pub(super) fn new(rule: Rule, severity: Severity, pointer: String, message: String) -> Self {
        Self { rule, severity, holder: Holder::Document, pointer, message, hint: None, fix: None }
    }

    #[must_use]
    pub(super) fn with_fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    #[must_use]
    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
