//! `--report`: writes the results of runs that have ended, for CI systems.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::cli::failure::Failure;
use crate::cli::follow::Followed;
use crate::exit::Exit;
use crate::file::replace::{Readers, can_be_written, replace};
use crate::output::failures::annotations;
use crate::output::stream::talk;
use crate::output::{junit, step_summary};
use crate::report::cases::Suite;

/// The variable that is true in GitHub Actions.
const ACTIONS: &str = "GITHUB_ACTIONS";
/// The variable that names the job summary's file of a GitHub Actions step.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cli) struct ReportArgs {
    /// Write the result of each node: junit=FILE writes JUnit XML, summary=FILE appends Markdown. In a GitHub Actions
    /// step the job summary is always written
    #[arg(long = "report", value_name = "junit=FILE|summary=FILE")]
    reports: Vec<Report>,
}

/// A report and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Report {
    Junit(PathBuf),
    Summary(PathBuf),
}

impl FromStr for Report {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once('=') {
            Some(("junit", file)) if !file.is_empty() => Ok(Self::Junit(file.into())),
            Some(("summary", file)) if !file.is_empty() => Ok(Self::Summary(file.into())),
            _ => Err("expected junit=FILE or summary=FILE"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "report {}", self.path().display())
    }
}

impl Report {
    fn path(&self) -> &Path {
        let (Self::Junit(path) | Self::Summary(path)) = self;
        path
    }

    fn write(&self, suites: &[Suite]) -> io::Result<()> {
        match self {
            Self::Junit(path) => replace(path, Readers::Umask, junit::document(suites).as_bytes()),
            Self::Summary(path) => {
                let text = step_summary::markdown(suites);
                // One write, so that text of other processes that append cannot end up inside ours.
                OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())
            }
        }
    }
}

impl ReportArgs {
    /// Whether the user asked for a report.
    pub(in crate::cli) fn is_requested(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Fails if a report's file cannot be written, before any run is created.
    pub(in crate::cli) fn check(&self) -> Result<(), Failure> {
        for report in &self.reports {
            can_be_written(report.path())
                .map_err(|error| Failure::usage(format!("--report: cannot write {report}: {error}")))?;
        }
        Ok(())
    }

    /// Writes all reports of these runs, and returns an error code if one cannot be written.
    pub(in crate::cli) fn write(&self, runs: &[Followed]) -> Exit {
        if std::env::var_os(ACTIONS).is_some_and(|value| value == "true") {
            for end in runs.iter().filter_map(|followed| followed.end.as_ref().ok()) {
                let text = annotations(&end.failures);
                if !text.is_empty() {
                    talk(text.trim_end());
                }
            }
        }
        let of_step = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty());
        let of_step = of_step.map(|path| Report::Summary(path.into())).filter(|report| !self.reports.contains(report));
        if runs.is_empty() || (self.reports.is_empty() && of_step.is_none()) {
            return Exit::Success;
        }

        let suites: Vec<Suite> = runs.iter().map(suite).collect();
        if let Some(report) = of_step
            && let Err(error) = report.write(&suites)
        {
            // The user did not request this report, so a failure is only a warning.
            talk(format_args!("warning: cannot write {report}: {error}"));
        }

        let failed = self.reports.iter().filter_map(|report| {
            let error = report.write(&suites).err()?;
            Some(Failure::new(Exit::Tool, format!("cannot write {report}: {error}")).report())
        });
        failed.max().unwrap_or(Exit::Success)
    }
}

fn suite(followed: &Followed) -> Suite {
    match &followed.end {
        Ok(end) => Suite::of(&end.state.summary(), &end.state.nodes.all, &end.state.mask()).with(&end.failures),
        Err(failure) => Suite::without_end(&followed.run, failure.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_form_and_a_file() {
        assert_eq!("junit=a=b.xml".parse(), Ok(Report::Junit("a=b.xml".into())));
        assert_eq!("summary=/s.md".parse(), Ok(Report::Summary("/s.md".into())));
        for wrong in ["junit", "junit=", "xml=a", ""] {
            assert!(wrong.parse::<Report>().is_err(), "{wrong}");
        }
    }
}
