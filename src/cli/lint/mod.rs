//! `lint`: what an Argo controller would refuse of documents, and what it would take and fail on.

mod files;
mod fix;
mod ignored;
mod linter;
mod online;
mod ordered;

use std::collections::HashSet;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use self::files::{Files, Text};
use self::ignored::Ignored;
use self::linter::Linter;
use self::online::Online;
use self::ordered::in_order;
use super::access::AccessArgs;
use super::failure::Failure;
use super::runtime::block_on;
use crate::argo::check::{Options, Rule, Version};
use crate::argo::document::{Problem, Severity, Source};
use crate::exit::Exit;
use crate::output::lint::{Form, Report};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # The workflow files below the current directory
  kubectl runnable lint

  # Files, directories and URLs; what one calls in another is looked up
  kubectl runnable lint etl.yaml templates/ https://example.org/shared.yaml

  # Look up on the cluster what is in no file: templates, ConfigMaps, semaphores
  kubectl runnable lint --online -n ci etl.yaml

  # What a tool renders, by the rules of an older Argo
  helm template . | kubectl runnable lint - --argo-version 3.6

  # Put right what is mechanical, and keep the comments
  kubectl runnable lint --fix etl.yaml

  # Leave out a rule, and all messages about a template
  kubectl runnable lint --ignore secret --ignore 'template `legacy-.*`' workflows/

  # Annotations beside the lines of a pull request; warnings fail, too
  kubectl runnable lint --output github --strict workflows/

  # What a rule is about
  kubectl runnable lint --explain depends

Exit codes: 0 no error was found, 1 something could not be read or asked for, 2 an error was found, with --strict also a warning.";

/// Check workflows, templates and cron workflows for mistakes
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files, directories and URLs; - is standard input. Without one: the workflow files below the current directory
    #[arg(value_name = "FILE|DIR|URL")]
    paths: Vec<PathBuf>,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "pretty")]
    output: Form,

    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,

    /// Ignore problems of a rule, or those whose message matches a regular expression
    #[arg(long, value_name = "RULE|PATTERN")]
    ignore: Vec<Ignored>,

    /// The version of Argo that documents are checked for: 3.5, 3.6, 3.7, 4.0 or 4.1 [default: with --online the
    /// cluster's, otherwise 4.1]
    #[arg(long, value_name = "VERSION")]
    argo_version: Option<Version>,

    /// Look up on the cluster what no file contains: templates, ConfigMaps, limits of semaphores, the version of Argo
    #[arg(long)]
    online: bool,

    /// Fix what can be fixed mechanically: misspelt fields, quotes, singular locks, a missing maxAge
    #[arg(long)]
    fix: bool,

    /// Explain a rule, with an example of what breaks it
    #[arg(long, value_name = "RULE", value_parser = PossibleValuesParser::new(Rule::ids()), hide_possible_values = true, conflicts_with_all = ["paths", "fix", "online"])]
    explain: Option<String>,

    #[command(flatten)]
    access: AccessArgs,
}

/// A text that was linted.
struct Linted {
    source: Source,
    /// The number of changes that were written to its file.
    fixed: usize,
    problems: Vec<(Severity, Problem)>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    if let Some(rule) = args.explain.as_deref().and_then(Rule::of_id) {
        result(format_args!("{}\n", rule.explanation()))?;
        return Ok(Exit::Success);
    }
    if !args.online && args.access.names_cluster() {
        return Err(Failure::usage("flags of a cluster are for --online, and it is not given"));
    }
    let files = Files::of(&args.paths)?;
    let mut options = Options { version: args.argo_version, may_lack_values: true, ..Options::default() };
    let online = if args.online {
        block_on(Online::look_up(&args.access, &files, &mut options))?
    } else {
        Online { templates: files.templates(), config_maps: None }
    };
    let linter = Linter { options, known: &online, ignored: &args.ignore };
    report(args, &files, &linter)
}

fn report(args: &Args, files: &Files, linter: &Linter<'_>) -> Result<Exit, Failure> {
    let mut report = Report::new(args.output, args.strict);
    let mut exit = Exit::Success;
    let mut told = HashSet::new();
    let lint = |text: &Text| -> Result<Linted, Failure> {
        let source = text.read()?;
        let (source, fixed) = if args.fix { linter.fix(text, source)? } else { (source, 0) };
        Ok(Linted { problems: linter.problems(&source), source, fixed })
    };
    in_order(files.texts(), lint, |linted| {
        let mut linted = match linted {
            Ok(linted) => linted,
            Err(failure) => {
                exit = failure.report();
                return Ok(());
            }
        };
        if linted.fixed > 0 {
            talk(format_args!("{}: {} put right", linted.source.name, linted.fixed));
        }
        // What is wrong with a template is found again from each workflow that calls it.
        linted.problems.retain(|(_, problem)| told.insert(problem.clone()));
        Ok(report.add(&linted.source, &linted.problems)?)
    })?;
    report.end()?;
    if let Some(summary) = report.summary() {
        talk(summary);
    }
    Ok(if report.has_errors() { Exit::Usage } else { exit })
}
