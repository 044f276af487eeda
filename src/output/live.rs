//! The nodes of running runs, on standard error: a live tree on a terminal, otherwise one line per change.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use jiff::Timestamp;

use super::stream::{stderr_colors, talk};
use super::tree::{self, Look, printable};
use crate::argo::status::{Node, NodeType, Phase};

/// The interval at which an unchanged tree is redrawn to update its durations.
const TICK: Duration = Duration::from_millis(250);
/// The maximum number of redraws per second.
const RATE: u8 = 12;
/// The number of siblings shown before the rest is folded.
const FOLD: usize = 8;

/// Shows the nodes of runs. Dropping it removes the tree.
#[derive(Debug)]
pub(crate) struct Live {
    shown: Arc<Mutex<ShownNodes>>,
    mode: Mode,
}

/// How changes are shown.
#[derive(Debug, Clone)]
enum Mode {
    /// Not at all.
    Nowhere,
    /// As a tree that is redrawn.
    Tree(ProgressBar),
    /// As one line per change.
    Lines,
}

/// Prints messages while a tree is shown; prints nothing if changes are not shown.
#[derive(Debug, Clone)]
pub(crate) struct Voice(Mode);

/// The nodes as last shown, in order of arrival.
#[derive(Debug, Default)]
struct ShownNodes {
    nodes: Vec<Node>,
    indices: HashMap<String, usize>,
}

impl Live {
    /// A tree if standard error is a terminal, otherwise lines.
    pub(crate) fn new(quiet: bool) -> Self {
        let shown = Arc::new(Mutex::new(ShownNodes::default()));
        let mode = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Mode::Nowhere,
            (false, true) => Mode::Tree(tree_bar(Arc::clone(&shown))),
            (false, false) => Mode::Lines,
        };
        Self { shown, mode }
    }

    /// Shows the nodes that have changed since the last call.
    pub(crate) fn show<'a>(&self, nodes: impl Iterator<Item = &'a Node>) {
        if matches!(self.mode, Mode::Nowhere) {
            return;
        }
        let mut shown = lock(&self.shown);
        let news: Vec<&Node> = nodes.filter(|node| shown.take(node)).collect();
        drop(shown);
        match &self.mode {
            Mode::Lines => {
                // Nodes that end with the same event end from the leaves up, so print children before their parents.
                let (ended, begun): (Vec<_>, Vec<_>) =
                    news.into_iter().filter(|node| is_news(node)).partition(|node| node.phase.is_fulfilled());
                ended.into_iter().rev().chain(begun).for_each(|node| talk(line(node)));
            }
            Mode::Tree(bar) if !news.is_empty() => bar.tick(),
            Mode::Tree(_) | Mode::Nowhere => {}
        }
    }

    /// Removes the nodes of an ended run from the tree while other runs continue.
    pub(crate) fn forget<'a>(&self, nodes: impl Iterator<Item = &'a Node>) {
        lock(&self.shown).forget(&nodes.map(|node| node.id.as_str()).collect());
    }

    /// Calls a function that prints, above the tree if there is one.
    pub(crate) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.mode {
            Mode::Tree(bar) => bar.suspend(print),
            Mode::Lines | Mode::Nowhere => print(),
        }
    }

    /// Prints a line, above the tree if there is one.
    pub(crate) fn voice(&self) -> Voice {
        Voice(self.mode.clone())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Mode::Tree(bar) = &self.mode {
            bar.finish_and_clear();
        }
    }
}

impl Voice {
    /// Prints a line, above the tree if there is one.
    pub(crate) fn say(&self, text: impl Display) {
        match &self.0 {
            Mode::Nowhere => {}
            Mode::Tree(bar) => bar.suspend(|| talk(text)),
            Mode::Lines => talk(text),
        }
    }
}

impl ShownNodes {
    /// Stores a node and returns whether it is new or has another phase or message.
    fn take(&mut self, node: &Node) -> bool {
        if let Some(&place) = self.indices.get(&node.id) {
            let before = std::mem::replace(&mut self.nodes[place], node.clone());
            return before.phase != node.phase || before.message != node.message;
        }
        self.indices.insert(node.id.clone(), self.nodes.len());
        self.nodes.push(node.clone());
        true
    }

    fn forget(&mut self, ids: &HashSet<&str>) {
        self.nodes.retain(|node| !ids.contains(node.id.as_str()));
        self.indices = self.nodes.iter().enumerate().map(|(place, node)| (node.id.clone(), place)).collect();
    }
}

fn lock(shown: &Mutex<ShownNodes>) -> MutexGuard<'_, ShownNodes> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tree_bar(shown: Arc<Mutex<ShownNodes>>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(RATE));
    let tree = move |_: &ProgressState, to: &mut dyn std::fmt::Write| {
        let (height, width) = Term::stderr().size();
        let look = Look {
            color: stderr_colors(),
            fold: Some(FOLD),
            lines: Some(usize::from(height).saturating_sub(2).max(3)),
            width: Some(usize::from(width).saturating_sub(1).max(10)),
            now: Timestamp::now(),
        };
        let drawing = tree::draw(&lock(&shown).nodes, look);
        // Writing to a String cannot fail.
        let _ = to.write_str(drawing.trim_end());
    };

    if let Ok(style) = ProgressStyle::with_template("{tree}") {
        bar.set_style(style.with_key("tree", tree));
    }
    bar.enable_steady_tick(TICK);
    bar
}

fn is_news(node: &Node) -> bool {
    let shown = !matches!(node.kind, NodeType::StepGroup | NodeType::TaskGroup | NodeType::Container);
    shown && (node.phase != Phase::Pending || !node.message.is_empty())
}

fn line(node: &Node) -> String {
    let at = node.finished_at.or(node.started_at).unwrap_or_else(Timestamp::now);
    let at = at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
    let cached = node.memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
    let message = if cached { "cached".to_owned() } else { printable(&node.message) };
    format!("{at}  {:<9}  {}  {message}", node.phase.as_str(), printable(&node.name)).trim_end().to_owned()
}
