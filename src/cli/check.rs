//! Checks documents before anything is created or run, and shows what is wrong with them.

use serde_json::{Value, json};

use super::failure::Failure;
use crate::argo::check::{Finding, Holder, Options, Version, check, check_fields};
use crate::argo::document::{Document, DocumentError, Kind, Problem, Severity, Source};
use crate::exit::Exit;
use crate::output::stream::{stderr_colors, talk};
use crate::prepare::{RUN_PARAMETERS, Templates, set_parameter};

/// The most problems that are shown.
const MAX_SHOWN: usize = 20;

/// How documents are checked before they are used.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Check")]
pub(super) struct CheckArgs {
    /// Skip the check: Argo or the run finds what is wrong
    #[arg(long)]
    pub(super) no_check: bool,

    /// Refuse fields that Argo does not know; with false they are sent on
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", hide_possible_values = true, action = clap::ArgAction::Set)]
    pub(super) strict: bool,

    /// The version of Argo that the check goes by, such as 3.6 [default: 4.1]
    #[arg(long, value_name = "VERSION")]
    pub(super) argo_version: Option<Version>,
}

impl CheckArgs {
    /// The check of documents that are submitted; `local` where templates stand in the files alone.
    pub(super) fn options(&self, local: bool) -> Options {
        Options {
            version: self.argo_version,
            strict: self.strict,
            completes: true,
            added_parameters: &RUN_PARAMETERS,
            local,
            ..Options::default()
        }
    }
}

/// The documents that a command was given, and what they refer to.
pub(super) struct Checked<'a> {
    pub(super) options: Options,
    pub(super) templates: &'a Templates,
    /// Documents in which findings about templates have their place.
    pub(super) beside: &'a [Document],
    problems: Vec<(Severity, Problem)>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(options: Options, templates: &'a Templates, beside: &'a [Document]) -> Self {
        Self { options, templates, beside, problems: Vec::new() }
    }

    /// Checks an object; places are those of the document that it was made from.
    pub(super) fn look_at(&mut self, object: &Value, kind: Kind, document: &Document) {
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
        let known = |name: &str, cluster_scope: bool| self.templates.find(name, cluster_scope, namespace);
        let findings = check(object, kind, &known, &self.options);
        let problems = findings.into_iter().map(|finding| (finding.severity, self.problem(document, finding)));
        let mut problems: Vec<_> = problems.collect();
        problems.retain(|problem| !self.problems.contains(problem));
        self.problems.extend(problems);
    }

    /// Checks the fields of a document that is only used.
    pub(super) fn look_at_fields(&mut self, document: &Document) {
        let findings = check_fields(&document.value, document.kind, &self.options);
        let problems = findings.into_iter().map(|finding| (finding.severity, problem_of(document, finding)));
        self.problems.extend(problems);
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

    /// What was found.
    pub(super) fn problems(self) -> Vec<(Severity, Problem)> {
        self.problems
    }

    /// Shows the warnings, and the errors as one failure.
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

/// What keeps a text from being read, as problems of its own.
pub(super) fn syntax_problems(error: &DocumentError, source: &Source) -> Vec<(Severity, Problem)> {
    let problems = match error.problems() {
        [] => {
            let text = error.to_string();
            let message = text.strip_prefix(&format!("{}:", source.name)).unwrap_or(&text).trim().to_owned();
            vec![Document::placeless(Kind::Workflow, &source.name).problem("", message)]
        }
        problems => problems.to_vec(),
    };
    problems.into_iter().map(|problem| (Severity::Error, problem.with_rule("syntax"))).collect()
}

/// Sets parameters of a workflow that may have none yet; a form that Argo does not take is left to the check.
pub(super) fn set_parameters(workflow: &mut Value, given: impl Iterator<Item = (String, String)>) {
    let mut given = given.peekable();
    let Some(spec) = workflow.get_mut("spec").and_then(Value::as_object_mut).filter(|_| given.peek().is_some()) else {
        return;
    };
    let arguments = spec.entry("arguments").or_insert(Value::Null);
    if arguments.is_null() {
        *arguments = json!({});
    }
    let Some(arguments) = arguments.as_object_mut() else { return };
    let parameters = arguments.entry("parameters").or_insert(Value::Null);
    if parameters.is_null() {
        *parameters = json!([]);
    }
    if let Some(parameters) = parameters.as_array_mut() {
        given.for_each(|(name, value)| set_parameter(parameters, &name, &value));
    }
}
