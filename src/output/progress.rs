//! The progress of a run: as text, as a bar on a terminal, or as objects.

use std::fmt::Write;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::stream::{StreamError, result, talk};
use super::tree::printable;
use crate::argo::document::to_yaml_documents;
use crate::report::progress::Progress;

/// What to print to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// One object.
    Json,
    /// One document.
    Yaml,
}

/// The progress with each call, or as an object.
pub(crate) fn text(progress: &Progress, format: Option<Format>) -> String {
    match format {
        Some(Format::Json) => format!("{:#}\n", object(progress)),
        Some(Format::Yaml) => to_yaml_documents(&[object(progress)]),
        None => {
            let mut text = line(progress) + "\n";
            for (path, complete) in &progress.node_breakdown {
                let mark = if complete == &Value::Bool(true) { "complete" } else { "-" };
                // Writing to a String cannot fail.
                let _ = writeln!(text, "  {mark:<8}  {}", printable(path));
            }
            text
        }
    }
}

/// `etl Running: 3 of 7 calls complete (43 %)`; with the store where only manifests tell it.
fn line(progress: &Progress) -> String {
    let Progress { completed, total, .. } = progress;
    let percent = (progress.fraction * 100.0).floor();
    let more = if progress.partial { "; there may be more" } else { "" };
    let text = format!("{}: {completed} of {total} calls complete ({percent} %{more})", subject(progress));
    match &progress.store {
        Some(store) => format!("{text}, as the manifests in {} tell", printable(store)),
        None => text,
    }
}

/// The run with its phase, where that is known.
fn subject(progress: &Progress) -> String {
    format!("{} {}", printable(&progress.name), printable(&progress.phase)).trim_end().to_owned()
}

fn object(progress: &Progress) -> Value {
    serde_json::to_value(progress).unwrap_or_else(|error| json!({"error": error.to_string()}))
}

/// A progress that changes: a bar on a terminal, otherwise one line per change. Dropping it removes the bar.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
    as_json: bool,
    last: String,
}

impl Bar {
    pub(crate) fn new(format: Option<Format>) -> Self {
        let as_json = format == Some(Format::Json);
        let bar = (!as_json && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len} {eta}");
            style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style.progress_chars("=> ")))
        });
        Self { bar, as_json, last: String::new() }
    }

    /// Shows a change; JSON goes to standard output, all else to standard error.
    pub(crate) fn show(&mut self, progress: &Progress) -> Result<(), StreamError> {
        if let Some(bar) = &self.bar {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.completed as u64);
            bar.set_message(subject(progress));
            return Ok(());
        }
        let news = if self.as_json { object(progress).to_string() } else { line(progress) };
        if self.last == news {
            return Ok(());
        }
        if self.as_json {
            result(format_args!("{news}\n"))?;
        } else {
            talk(&news);
        }
        self.last = news;
        Ok(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
