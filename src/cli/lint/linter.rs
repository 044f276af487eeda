//! The problems of one text.

use super::ignored::Ignored;
use super::online::Online;
use crate::argo::check::{Finding, Options, Rule};
use crate::argo::document::{DocumentError, Kind, Problem, Severity, Source, parse};
use crate::cli::check::{Checked, syntax_problems};

/// What texts are linted with.
pub(super) struct Linter<'a> {
    pub(super) options: Options,
    /// What is known beside the text.
    pub(super) known: &'a Online,
    pub(super) ignored: &'a [Ignored],
}

impl Linter<'_> {
    pub(super) fn problems(&self, source: &Source) -> Vec<(Severity, Problem)> {
        let mut problems = match parse(source) {
            Ok(parsed) => {
                let warnings = parsed.warnings.into_iter();
                let mut problems: Vec<_> =
                    warnings.map(|warning| (Severity::Warning, warning.with_rule(Rule::Syntax.id()))).collect();
                let mut checked = Checked::new(self.options, &self.known.templates, &parsed.documents);
                for document in &parsed.documents {
                    match document.kind {
                        Kind::ConfigMap | Kind::Secret => checked.check_fields_of(document),
                        kind => checked.check_object(&document.value, kind, document),
                    }
                    checked.add(document, self.known.missing_config_maps(document));
                }
                problems.extend(checked.problems());
                problems
            }
            Err(error) => unread(&error, source),
        };
        problems.retain(|(_, problem)| !self.ignores(problem.rule.unwrap_or_default(), &problem.message));
        problems.sort_by_key(|(_, problem)| problem.place);
        problems
    }

    /// Whether the user asked to leave a finding out.
    pub(super) fn leaves_out(&self, finding: &Finding) -> bool {
        self.ignores(finding.rule.id(), &finding.message)
    }

    fn ignores(&self, rule: &str, message: &str) -> bool {
        self.ignored.iter().any(|ignored| ignored.covers(rule, message))
    }
}

/// Why a text holds nothing to be checked. Objects of other kinds are none of Argo's, nor are files of other tools, which
/// hooks give too.
fn unread(error: &DocumentError, source: &Source) -> Vec<(Severity, Problem)> {
    let mut problems = syntax_problems(error, source);
    let text = String::from_utf8_lossy(&source.text);
    let is_foreign = !text.contains("argoproj.io") && !text.contains("Workflow");
    for (severity, problem) in problems.iter_mut().filter(|(_, problem)| is_foreign || problem.field == "kind") {
        *severity = Severity::Warning;
        problem.hint = Some("it is ignored".to_owned());
    }
    problems
}
