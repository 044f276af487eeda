//! `list --watch`: the table, then a line for each change of what it shows; or the objects one by one.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::ControlFlow;

use futures::TryStreamExt;
use jiff::Timestamp;
use serde_json::Value;

use super::{Args, Listed, listed_of};
use crate::backend::{News, Snapshot};
use crate::cli::failure::Failure;
use crate::exit::{Exit, chain};
use crate::output::format::{Format, ObjectFormat, name, rendered};
use crate::output::list::{Growing, Row};
use crate::output::stream::talk;

/// What stands for the phase of a run that is gone.
const GONE: &str = "Deleted";

/// How the watching ends: nobody reads on, or it cannot be written.
type End = Result<Exit, Failure>;

/// Watches runs, until a signal ends it.
pub(super) async fn run(args: &Args) -> End {
    let backend = args.target.backend().await?;
    let mut shown = Shown::new(args, backend.namespace());
    let mut news = backend.list_follow(&args.selection());
    while let Some(news) = news.try_next().await? {
        let printed = match news {
            News::There { key, snapshot } => shown.there(key, snapshot),
            News::Unreadable(record, error) => {
                talk(format_args!("warning: {}: {}", record.directory().display(), chain(&error)));
                ControlFlow::Continue(())
            }
            News::Complete => shown.complete(),
            News::Gone(key, last) => shown.gone(&key, last),
        };
        if let ControlFlow::Break(end) = printed {
            return end;
        }
    }
    Ok(Exit::Success)
}

/// What has been printed.
struct Shown<'a> {
    args: &'a Args,
    place: String,
    lines: Growing,
    /// Runs that are there at first and wait to be sorted.
    first: Option<Vec<(String, Listed)>>,
    /// What was printed last of each run that is there.
    rows: HashMap<String, Row>,
}

impl<'a> Shown<'a> {
    fn new(args: &'a Args, namespace: &str) -> Self {
        let (place, lines) = (super::place(args, namespace), Growing::new(args.columns()));
        Self { args, place, lines, first: Some(Vec::new()), rows: HashMap::new() }
    }

    /// A run is there, or has changed. One that was shown is shown once more when it is no longer asked for.
    fn there(&mut self, key: String, snapshot: Snapshot) -> ControlFlow<End> {
        let now = Timestamp::now();
        let is_shown = self.rows.contains_key(&key);
        let Some(listed) = listed_of(self.args, snapshot, now, is_shown) else { return ControlFlow::Continue(()) };
        if let Some(first) = &mut self.first {
            first.push((key, listed));
            return ControlFlow::Continue(());
        }
        let wanted = listed.wanted;
        let printed = self.print(&key, listed, now);
        if !wanted {
            self.rows.remove(&key);
        }
        printed
    }

    /// All that were there at first are known now: the latest first.
    fn complete(&mut self) -> ControlFlow<End> {
        let now = Timestamp::now();
        let mut first = self.first.take().unwrap_or_default();
        first.sort_by(|(_, left), (_, right)| left.row.by_age(&right.row));
        if !self.is_table() {
            return first.into_iter().try_for_each(|(key, listed)| self.print(&key, listed, now));
        }
        if first.is_empty() {
            talk(format_args!("no runs {}; watching for some", self.place));
            return ControlFlow::Continue(());
        }
        let rows: Vec<Row> = first.iter().map(|(_, listed)| listed.row.clone()).collect();
        self.rows.extend(first.into_iter().map(|(key, listed)| (key, listed.row)));
        written(&self.lines.text(&rows, now))
    }

    /// A run is gone, with its last state where that is known.
    fn gone(&mut self, key: &str, last: Option<Value>) -> ControlFlow<End> {
        let Some(row) = self.rows.remove(key) else { return ControlFlow::Continue(()) };
        match self.format() {
            Some(format @ (Format::Json | Format::Yaml)) => {
                last.map_or(ControlFlow::Continue(()), |object| written(&streamed(format, object)))
            }
            Some(Format::Name) => written(&format!("workflow.argoproj.io/{}\n", row.name)),
            None | Some(Format::Wide) => written(&self.lines.text(&[row.in_phase(GONE)], Timestamp::now())),
        }
    }

    /// Prints a run: each state of an object, a line only where it tells something new.
    fn print(&mut self, key: &str, listed: Listed, now: Timestamp) -> ControlFlow<End> {
        let Listed { row, object, .. } = listed;
        let before = self.rows.insert(key.to_owned(), row.clone());
        let is_news = before.is_none_or(|before| !before.looks_the_same(&row, self.args.columns()));
        match (self.format(), object) {
            (Some(format @ (Format::Json | Format::Yaml)), Some(object)) => written(&streamed(format, object)),
            _ if !is_news => ControlFlow::Continue(()),
            (Some(Format::Name), Some(object)) => written(&(name(&object) + "\n")),
            _ => written(&self.lines.text(&[row], now)),
        }
    }

    fn is_table(&self) -> bool {
        self.args.is_table()
    }

    fn format(&self) -> Option<Format> {
        match self.args.output {
            Some(ObjectFormat::Plain(format)) => Some(format),
            _ => None,
        }
    }
}

/// An object of a stream: programs read JSON one after the other as it is, documents of YAML by the line between them.
fn streamed(format: Format, object: Value) -> String {
    let mark = if format == Format::Yaml { "---\n" } else { "" };
    format!("{mark}{}", rendered(format, &[object]))
}

/// Writes at once. That nobody reads any more ends the watching well.
fn written(text: &str) -> ControlFlow<End> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ControlFlow::Break(Ok(Exit::Success)),
        Err(error) => {
            ControlFlow::Break(Err(anyhow::Error::from(error).context("cannot write to standard output").into()))
        }
    }
}
