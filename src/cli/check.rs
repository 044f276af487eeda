//! Checks documents before anything is created or run, and prints the problems.

use serde_json::Value;

use super::failure::Failure;
use crate::argo::Metadata;
use crate::argo::Workflow;
use crate::argo::check::{Finding, Holder, Options, Rule, Version, check, check_fields};
use crate::argo::document::{Document, DocumentError, Kind, Problem, Severity, Source};
use crate::exit::Exit;
use crate::output::stream::{stderr_colors, talk};
use crate::prepare::{RUN_PARAMETERS, Templates};

/// The maximum number of problems shown.
const MAX_SHOWN: usize = 20;

/// How documents are checked before they are used.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Check")]
pub(super) struct CheckArgs {
    /// Skip the check; problems then appear when Argo or the engine reaches them
    #[arg(long)]
    pub(super) no_check: bool,

    /// Reject fields that Argo does not know; with false they are sent unchanged
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", hide_possible_values = true, action = clap::ArgAction::Set)]
    pub(super) strict: bool,

    /// The Argo version to check against, such as 3.6 [default: 4.1]
    #[arg(long, value_name = "VERSION")]
    pub(super) argo_version: Option<Version>,
}

impl CheckArgs {
    /// The options for documents that are submitted; `local` if templates exist only in the files.
    pub(super) fn options(&self, local: bool) -> Options {
        Options {
            version: self.argo_version,
            strict: self.strict,
            completes: true,
            added_parameters: &RUN_PARAMETERS,
            all_known: local,
            local,
            ..Options::default()
        }
    }
}

/// The problems of a command's documents, and what is needed to find them.
pub(super) struct Checked<'a> {
    pub(super) options: Options,
    pub(super) templates: &'a Templates,
    /// Documents with the templates that findings may refer to.
    pub(super) beside: &'a [Document],
    problems: Vec<(Severity, Problem)>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(options: Options, templates: &'a Templates, beside: &'a [Document]) -> Self {
        Self { options, templates, beside, problems: Vec::new() }
    }

    /// Checks an object; problems get the places of the document it was created from.
    pub(super) fn check_object(&mut self, object: &Value, kind: Kind, document: &Document) {
        let namespace = Metadata::of(object).own_namespace();
        let known = |name: &str, cluster_scope: bool| self.templates.find(name, cluster_scope, namespace);
        let findings = check(object, kind, &known, &self.options);
        let problems = findings.into_iter().map(|finding| (finding.severity, self.problem(document, finding)));
        let mut problems: Vec<_> = problems.collect();
        problems.retain(|problem| !self.problems.contains(problem));
        self.problems.extend(problems);
    }

    /// Adds what else was found of a document.
    pub(super) fn add(&mut self, document: &Document, findings: Vec<Finding>) {
        let problems = findings.into_iter().map(|finding| (finding.severity, problem_of(document, finding)));
        self.problems.extend(problems);
    }

    /// Checks the fields of a document that the workflows only refer to.
    pub(super) fn check_fields_of(&mut self, document: &Document) {
        self.add(document, check_fields(&document.value, document.kind, &self.options));
    }

    fn problem(&self, document: &Document, finding: Finding) -> Problem {
        let (kind, name) = match &finding.holder {
            Holder::Document => return problem_of(document, finding),
            Holder::Template(name) => (Kind::WorkflowTemplate, name.clone()),
            Holder::ClusterTemplate(name) => (Kind::ClusterWorkflowTemplate, name.clone()),
        };
        let holder = self.beside.iter().find(|beside| beside.kind == kind && beside.name() == Some(name.as_str()));
        match holder {
            Some(holder) => problem_of(holder, finding),
            None => problem_of(&Document::placeless(kind, &format!("{} {name}", kind.as_str())), finding),
        }
    }

    /// Whether one of these rules is broken.
    pub(super) fn breaks(&self, rules: &[Rule]) -> bool {
        let of_rules = |problem: &Problem| rules.iter().any(|rule| problem.rule == Some(rule.id()));
        self.problems.iter().any(|(_, problem)| of_rules(problem))
    }

    /// The problems found.
    pub(super) fn problems(self) -> Vec<(Severity, Problem)> {
        self.problems
    }

    /// Prints the warnings, or returns the errors as one failure.
    pub(super) fn verdict(mut self, sources: &[Source], quiet: bool) -> Result<(), Failure> {
        let source = |problem: &Problem| sources.iter().find(|source| *source.name == *problem.source);
        self.problems.sort_by_key(|(_, problem)| problem.place);
        let (errors, warnings): (Vec<_>, Vec<_>) =
            self.problems.into_iter().partition(|(severity, _)| *severity == Severity::Error);

        if errors.is_empty() {
            for (_, warning) in warnings.iter().filter(|_| !quiet) {
                talk(warning.render(Severity::Warning, source(warning), stderr_colors()));
            }
            return Ok(());
        }

        let shown = errors.iter().take(MAX_SHOWN);
        let mut shown: Vec<String> =
            shown.map(|(_, error)| error.render(Severity::Error, source(error), stderr_colors())).collect();
        if errors.len() > MAX_SHOWN {
            shown.push(format!("and {} more", errors.len() - MAX_SHOWN));
        }
        Err(Failure::rendered(Exit::Usage, shown.join("\n")))
    }
}

fn problem_of(document: &Document, finding: Finding) -> Problem {
    let problem = document.problem(&finding.pointer, finding.message).with_rule(finding.rule.id());
    match finding.hint {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    }
}

/// The syntax errors of a text as problems.
pub(super) fn syntax_problems(error: &DocumentError, source: &Source) -> Vec<(Severity, Problem)> {
    let problems = match error.problems() {
        [] => {
            let text = error.to_string();
            let message = text.strip_prefix(&format!("{}:", source.name)).unwrap_or(&text).trim().to_owned();
            vec![Document::placeless(Kind::Workflow, &source.name).problem("", message)]
        }
        problems => problems.to_vec(),
    };
    problems.into_iter().map(|problem| (Severity::Error, problem.with_rule(Rule::Syntax.id()))).collect()
}

/// Sets parameters of a workflow, which may have none yet. A malformed list is left for the check to report.
pub(super) fn set_parameters(workflow: &mut Value, given: impl Iterator<Item = (String, String)>) {
    let workflow = Workflow::view_mut(workflow);
    for (name, value) in given {
        workflow.set_parameter(&name, &value);
    }
}
