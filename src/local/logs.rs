//! The logs that the tasks of a local run have left, or are writing.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::record::{Record, RecordError};
use super::times::Times;
use super::watch::Watch;
use crate::argo::Workflow;
use crate::argo::node_pods::PodSelection;
use crate::argo::status::Node;

/// What is written within this time is read at once.
const GATHER: Duration = Duration::from_millis(20);

/// Which logs of a run are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Whose logs.
    pub(crate) pods: PodSelection,
    /// The container; `main` without, and all of them where there is no `main`.
    pub(crate) container: Option<String>,
    /// All containers, and what Argo's executor writes into them.
    pub(crate) all: bool,
    /// Only so many lines of what a log holds at first.
    pub(crate) tail: Option<usize>,
    /// Only what was written since, as far as it is known.
    pub(crate) since: Option<Timestamp>,
    /// Until the run ends.
    pub(crate) follow: bool,
}

/// What has been read.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Whether a node was found that was asked for.
    pub(crate) found: bool,
    /// The logs of which nobody has noted when they were written, by what their lines are called.
    pub(crate) timeless: BTreeSet<String>,
}

/// Reads the logs of a run, line by line: `print` gets the node's display name, or that and the container's, when the line
/// was written and the line without its end.
pub(crate) async fn read(
    record: &Record,
    wanted: &Wanted,
    mut print: impl FnMut(&str, Option<Timestamp>, &[u8]) -> io::Result<()>,
) -> Result<Outcome, RecordError> {
    let mut watch = wanted.follow.then(Watch::new);
    let mut logs = Logs::default();
    logs.done.found = wanted.pods.node.is_none();
    loop {
        if let Some(watch) = &watch {
            watch.add(record.directory());
            watch.add(&record.directory().join("nodes"));
        }
        // Looked at first: a process that ends in between has written all it knows.
        let live = wanted.follow && record.is_live();
        let nodes = Workflow::view(&record.workflow()?).nodes();
        if let Some(pods) = nodes.pods(&wanted.pods) {
            logs.done.found = true;
            for pod in pods {
                let directory = record.directory().join("nodes").join(&pod.id);
                if let Some(watch) = &watch {
                    watch.add(&directory);
                }
                logs.read(&directory, pod, wanted, !live, &mut print).map_err(fault(&directory))?;
            }
        }
        match &mut watch {
            Some(watch) if live => {
                watch.next(GATHER).await;
            }
            _ => return Ok(logs.done),
        }
    }
}

/// The last lines of the main log of a node.
pub(crate) fn tail(record: &Record, node_id: &str, lines: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut file = File::open(record.directory().join("nodes").join(node_id).join("main.log"))?;
    let begin = last_lines(&mut file, lines)?;
    file.seek(SeekFrom::Start(begin))?;
    BufReader::new(file).split(b'\n').take(lines).collect()
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> RecordError {
    let path = path.to_owned();
    move |source| RecordError::Read { path, source }
}

/// How far each log has been read, and its times.
#[derive(Default)]
struct Logs {
    known: HashMap<PathBuf, (u64, Times)>,
    done: Outcome,
}

impl Logs {
    fn read(
        &mut self,
        directory: &Path,
        node: &Node,
        wanted: &Wanted,
        last: bool,
        print: &mut impl FnMut(&str, Option<Timestamp>, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let containers = containers(directory, wanted)?;
        for (path, container) in &containers {
            let source = if containers.len() > 1 {
                format!("{}[{container}]", node.display_name)
            } else {
                node.display_name.clone()
            };
            self.log(path, &source, wanted, last, print)?;
        }
        Ok(())
    }

    /// Reads what is new; of a line that has no end yet nothing, until the log is known to grow no more.
    fn log(
        &mut self,
        path: &Path,
        source: &str,
        wanted: &Wanted,
        last: bool,
        print: &mut impl FnMut(&str, Option<Timestamp>, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let (begin, mut times) = match self.known.remove(path) {
            // Shorter than it was: the task has restarted.
            Some((read, times)) => (if read <= length { read } else { 0 }, times),
            None => (wanted.tail.map_or(Ok(0), |lines| last_lines(&mut file, lines))?, Times::default()),
        };
        times.refresh(path, !last)?;
        if last && length > 0 && !times.are_known() {
            self.done.timeless.insert(source.to_owned());
        }
        file.seek(SeekFrom::Start(begin))?;
        let mut reader = BufReader::new(file);
        let mut at = begin;
        let mut line = Vec::new();
        loop {
            line.clear();
            let count = reader.read_until(b'\n', &mut line)?;
            let whole = line.ends_with(b"\n");
            if count == 0 || !(whole || last) {
                break;
            }
            at += count as u64;
            let time = times.of_line(at);
            if wanted.since.is_none_or(|since| time.is_none_or(|time| since <= time)) {
                print(source, time, line.strip_suffix(b"\n").unwrap_or(&line))?;
            }
        }
        self.known.insert(path.to_owned(), (at, times));
        Ok(())
    }
}

/// The logs in a node's directory, by the names of their containers.
fn containers(directory: &Path, wanted: &Wanted) -> io::Result<Vec<(PathBuf, String)>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".log").map(str::to_owned)) {
            all.push((path, name));
        }
    }
    all.sort();
    if wanted.all {
        return Ok(all);
    }
    let wanted = wanted.container.as_deref().or_else(|| all.iter().any(|(_, name)| name == "main").then_some("main"));
    all.retain(|(_, name)| wanted.is_none_or(|wanted| name == wanted));
    Ok(all)
}

/// Where the last lines of a file begin, read from its end.
fn last_lines(file: &mut File, lines: usize) -> io::Result<u64> {
    const BLOCK: u64 = 64 * 1024;
    let length = file.seek(SeekFrom::End(0))?;
    let (mut end, mut left) = (length, lines);
    while end > 0 {
        let begin = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(begin))?;
        let mut block = Vec::new();
        file.take(end - begin).read_to_end(&mut block)?;
        for (place, _) in block.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = begin + place as u64 + 1;
            // The end of the last line begins no other.
            if after == length {
                continue;
            }
            if left <= 1 {
                return Ok(if left == 0 { length } else { after });
            }
            left -= 1;
        }
        end = begin;
    }
    Ok(if lines == 0 { length } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_log_are_found_from_its_end() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("main.log");
        let long = "x".repeat(70_000);
        let text = format!("one\n{long}\nthree\nfour");
        for (text, lines, rest) in [
            (text.as_str(), 1, "four"),
            (&text, 2, "three\nfour"),
            (&text, 3, &text[4..]),
            (&text, 9, &text),
            ("a\nb\n", 1, "b\n"),
            ("a\nb\n", 0, ""),
            ("", 3, ""),
        ] {
            fs::write(&path, text)?;
            let begin = last_lines(&mut File::open(&path)?, lines)?;
            assert_eq!(begin, (text.len() - rest.len()) as u64, "{lines}");
        }
        Ok(())
    }
}
