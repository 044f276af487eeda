//! What `lint` found: lines with a caret, a line each, JSON, SARIF, or annotations of GitHub.

mod sarif;

use std::fmt::Write;

use serde_json::{Value, json};

use super::github::annotation;
use super::stream::{StreamError, result, stdout_colors};
use crate::argo::document::{Problem, Severity, Source};

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// Each with its lines and a caret.
    Pretty,
    /// A line each: FILE:LINE:COLUMN: SEVERITY[RULE]: MESSAGE.
    Simple,
    /// A list of objects.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of a workflow run of GitHub Actions.
    Github,
}

/// Findings as they come.
pub(crate) struct Report {
    form: Form,
    strict: bool,
    /// What is printed at the end, as one document.
    objects: Vec<Value>,
    files: usize,
    errors: usize,
    warnings: usize,
}

impl Report {
    pub(crate) fn new(form: Form, strict: bool) -> Self {
        Self { form, strict, objects: Vec::new(), files: 0, errors: 0, warnings: 0 }
    }

    /// Adds the findings of one file.
    pub(crate) fn add(&mut self, source: &Source, problems: &[(Severity, Problem)]) -> Result<(), StreamError> {
        self.files += 1;
        let mut text = String::new();
        for (severity, problem) in problems {
            let severity = if self.strict { Severity::Error } else { *severity };
            match severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
            }
            match self.form {
                Form::Pretty => {
                    let source = (*source.name == *problem.source).then_some(source);
                    let _ = writeln!(text, "{}\n", problem.render(severity, source, stdout_colors()));
                }
                Form::Simple => {
                    let _ = writeln!(text, "{}", simple(severity, problem));
                }
                Form::Github => {
                    let _ = writeln!(text, "{}", github(severity, problem));
                }
                Form::Json => self.objects.push(object(severity, problem)),
                Form::Sarif => self.objects.push(sarif::finding(severity, problem)),
            }
        }
        if text.is_empty() { Ok(()) } else { result(text) }
    }

    /// Prints what is one document.
    pub(crate) fn end(&mut self) -> Result<(), StreamError> {
        match self.form {
            Form::Json => result(format_args!("{:#}\n", Value::Array(std::mem::take(&mut self.objects)))),
            Form::Sarif => result(format_args!("{:#}\n", sarif::log(&std::mem::take(&mut self.objects)))),
            Form::Pretty | Form::Simple | Form::Github => Ok(()),
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many there are, for a reader.
    pub(crate) fn summary(&self) -> Option<String> {
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        (self.form == Form::Pretty).then(|| {
            let files = count(self.files, "file");
            match (self.errors, self.warnings) {
                (0, 0) => format!("{files}, nothing wrong"),
                (errors, 0) => format!("{files}, {}", count(errors, "error")),
                (0, warnings) => format!("{files}, {}", count(warnings, "warning")),
                (errors, warnings) => format!("{files}, {} and {}", count(errors, "error"), count(warnings, "warning")),
            }
        })
    }
}

pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The place, or the beginning of the file.
pub(super) fn line_and_column(problem: &Problem) -> (u32, u32) {
    problem.place.map_or((1, 1), |place| (place.line, place.column))
}

pub(super) fn message(problem: &Problem) -> String {
    let field = if problem.field.is_empty() { String::new() } else { format!("field `{}`: ", problem.field) };
    let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{field}{}{hint}", problem.message)
}

fn simple(severity: Severity, problem: &Problem) -> String {
    let (line, column) = line_and_column(problem);
    let rule = problem.rule.unwrap_or_default();
    format!("{}:{line}:{column}: {}[{rule}]: {}", problem.source, word(severity), message(problem))
}

fn github(severity: Severity, problem: &Problem) -> String {
    let (line, column) = line_and_column(problem);
    let properties = [
        ("file", problem.source.to_string()),
        ("line", line.to_string()),
        ("col", column.to_string()),
        ("title", problem.rule.unwrap_or_default().to_owned()),
    ];
    annotation(word(severity), &properties, &message(problem))
}

fn object(severity: Severity, problem: &Problem) -> Value {
    let (line, column) = line_and_column(problem);
    json!({
        "file": *problem.source,
        "line": line,
        "column": column,
        "severity": word(severity),
        "rule": problem.rule,
        "field": problem.field,
        "message": problem.message,
        "hint": problem.hint,
    })
}
