//! `lint`: what an Argo controller would refuse of documents, and what it would take and fail on.

mod files;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;

use self::files::Files;
use super::check::{Checked, syntax_problems};
use super::failure::Failure;
use crate::argo::check::{Options, Rule, Version, fixed};
use crate::argo::document::{DocumentError, Kind, Problem, Severity, Source, parse};
use crate::exit::Exit;
use crate::file::replace::{Readers, replace};
use crate::output::lint::{Form, Report};
use crate::output::stream::{result, talk};
use crate::prepare::Templates;

/// A file is put right so often: what one change uncovers another may put right.
const MAX_FIXES: usize = 5;

const EXAMPLES: &str = "Examples:
  # The workflow files below the current directory
  kubectl runnable lint

  # Files and directories; what one calls in another is looked up
  kubectl runnable lint etl.yaml templates/

  # What a tool renders, by the rules of an older Argo
  helm template . | kubectl runnable lint - --argo-version 3.6

  # Put right what is mechanical, and keep the comments
  kubectl runnable lint --fix etl.yaml

  # Annotations beside the lines of a pull request; warnings fail, too
  kubectl runnable lint --output github --strict workflows/

  # What a rule is about
  kubectl runnable lint --explain depends";

/// Say what is wrong with workflows, templates and cron workflows before a cluster does
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files and directories; - is standard input. Without one: the workflow files below the current directory
    #[arg(value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "pretty")]
    output: Form,

    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,

    /// The version of Argo that documents are checked for: 3.5, 3.6, 3.7, 4.0 or 4.1 [default: 4.1]
    #[arg(long, value_name = "VERSION")]
    argo_version: Option<Version>,

    /// Put right what is mechanical: misspelt fields, quotes, singular locks, a missing maxAge
    #[arg(long)]
    fix: bool,

    /// Explain a rule, with an example of what breaks it
    #[arg(long, value_name = "RULE", value_parser = PossibleValuesParser::new(Rule::ids()), hide_possible_values = true, conflicts_with_all = ["paths", "fix"])]
    explain: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    if let Some(rule) = args.explain.as_deref().and_then(Rule::of_id) {
        result(format_args!("{}\n", rule.explanation()))?;
        return Ok(Exit::Success);
    }
    let files = Files::of(&args.paths)?;
    let templates = files.templates();
    let options = Options { version: args.argo_version, may_lack_values: true, ..Options::default() };
    let mut report = Report::new(args.output, args.strict);
    let mut told = HashSet::new();
    for mut source in files.sources() {
        if args.fix {
            source = fix(source, &options)?;
        }
        let mut problems = problems(&source, &templates, &options);
        // What is wrong with a template is found again from each workflow that calls it.
        problems.retain(|(_, problem)| told.insert(problem.clone()));
        report.add(&source, &problems)?;
    }
    report.end()?;
    if let Some(summary) = report.summary() {
        talk(summary);
    }
    Ok(if report.has_errors() { Exit::Usage } else { Exit::Success })
}

fn problems(source: &Source, templates: &Templates, options: &Options) -> Vec<(Severity, Problem)> {
    let parsed = match parse(source) {
        Ok(parsed) => parsed,
        Err(error) => return unread(&error, source),
    };
    let mut problems: Vec<_> =
        parsed.warnings.into_iter().map(|warning| (Severity::Warning, warning.with_rule("syntax"))).collect();
    let mut checked = Checked::new(*options, templates, &parsed.documents);
    for document in &parsed.documents {
        match document.kind {
            Kind::ConfigMap | Kind::Secret => checked.check_fields_of(document),
            kind => checked.check_object(&document.value, kind, document),
        }
    }
    problems.extend(checked.problems());
    problems.sort_by_key(|(_, problem)| problem.place);
    problems
}

/// Why a text holds nothing to be checked. Objects of other kinds are none of Argo's.
fn unread(error: &DocumentError, source: &Source) -> Vec<(Severity, Problem)> {
    let mut problems = syntax_problems(error, source);
    for (severity, problem) in problems.iter_mut().filter(|(_, problem)| problem.field == "kind") {
        *severity = Severity::Warning;
        problem.hint = Some("it is passed over".to_owned());
    }
    problems
}

/// Writes a file again, with what is mechanical put right.
fn fix(source: Source, options: &Options) -> Result<Source, Failure> {
    let mut text = String::from_utf8_lossy(&source.text).into_owned();
    let mut changes = 0;
    for _ in 0..MAX_FIXES {
        let source = Source { name: source.name.clone(), text: text.clone().into_bytes() };
        let Ok(parsed) = parse(&source) else { break };
        let (next, made) = fixed(&text, &parsed.documents, options);
        if made == 0 {
            break;
        }
        text = next;
        changes += made;
    }
    if changes == 0 {
        return Ok(source);
    }
    if source.name == files::STANDARD_INPUT {
        return Err(Failure::usage("--fix needs files, and standard input is none"));
    }
    replace(Path::new(&source.name), Readers::Umask, text.as_bytes())
        .map_err(|error| Failure::new(Exit::Tool, format!("cannot write {}: {error}", source.name)))?;
    talk(format_args!("{}: {changes} put right", source.name));
    Ok(Source { name: source.name, text: text.into_bytes() })
}
