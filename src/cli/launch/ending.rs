//! What is said of a local run that has ended.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;

use super::Launch;
use crate::argo::status::{Node, NodeType};
use crate::backend::Snapshot;
use crate::cli::follow::{ending, exit};
use crate::exit::Exit;
use crate::mask::Mask;
use crate::output::stream::{self, StreamError, talk};
use crate::output::tree::{self, Look, printable};

/// Siblings shown in the tree of a run that has ended.
const FOLD: usize = 20;
/// Failed tasks whose logs are shown.
const LOGS: usize = 3;
/// Lines shown of the log of a task that failed.
const LOG_LINES: usize = 10;
/// No more of a log is read for its last lines.
const LOG_TAIL: u64 = 16 * 1024;

/// The tree on standard output unless another format was asked for; why tasks failed on standard error.
pub(super) fn tell(launch: &Launch<'_>, found: &Snapshot, directory: &Path) -> Result<(), StreamError> {
    let mask = found.mask();
    let nodes = mask.nodes(found.nodes.all.clone());
    if !launch.quiet && exit(found) > Exit::Success {
        for node in nodes.iter().filter(|node| node.kind == NodeType::Pod && node.phase.is_unsuccessful()).take(LOGS) {
            tell_log(node, directory, &mask);
        }
    }
    if launch.output.is_some() {
        return Ok(());
    }
    let look =
        Look { color: stream::stdout_colors(), fold: Some(FOLD), lines: None, width: None, now: Timestamp::now() };
    stream::result(format_args!("{}{}\n", tree::draw(&nodes, look), ending(found)))?;
    if !launch.quiet {
        talk(format_args!("logs in {}", directory.join("nodes").display()));
    }
    Ok(())
}

/// The last lines that a failed task wrote.
fn tell_log(node: &Node, directory: &Path, mask: &Mask) {
    let path = directory.join("nodes").join(&node.id).join("main.log");
    let tail = File::open(&path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    let lines: Vec<String> = tail.unwrap_or_default().lines().map(|line| printable(&mask.text(line))).collect();
    if lines.is_empty() {
        return;
    }
    talk(format_args!("the end of the log of {}:", printable(&node.name)));
    for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
        talk(format_args!("  {line}"));
    }
}
