//! The state of a run while it goes on: a live tree on a terminal, a line a change elsewhere. Written to standard error.

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

/// Time between two drawings of a tree in which nothing happens but that time goes by.
const TICK: Duration = Duration::from_millis(250);
/// Most drawings in a second.
const RATE: u8 = 12;
/// Siblings shown before the rest is folded.
const FOLD: usize = 8;

/// Where a run's changes are shown. Dropped, it takes the tree away.
#[derive(Debug)]
pub(crate) struct Live {
    seen: Arc<Mutex<Seen>>,
    place: Place,
}

/// How it is shown.
#[derive(Debug, Clone)]
enum Place {
    /// Not at all.
    Nowhere,
    /// As a tree that is drawn again and again.
    Tree(ProgressBar),
    /// As a line a change.
    Lines,
}

/// A way to say something while a tree is shown; silent when nothing is.
#[derive(Debug, Clone)]
pub(crate) struct Voice(Place);

/// The nodes as they were shown last, in the order they came.
#[derive(Debug, Default)]
struct Seen {
    nodes: Vec<Node>,
    places: HashMap<String, usize>,
}

impl Live {
    /// What fits standard error: a tree on a terminal, lines elsewhere.
    pub(crate) fn new(quiet: bool) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let place = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Place::Nowhere,
            (false, true) => Place::Tree(tree_bar(Arc::clone(&seen))),
            (false, false) => Place::Lines,
        };
        Self { seen, place }
    }

    /// Shows nodes; those that are as they were are no news.
    pub(crate) fn show<'a>(&self, nodes: impl Iterator<Item = &'a Node>) {
        if matches!(self.place, Place::Nowhere) {
            return;
        }
        let mut seen = lock(&self.seen);
        let news: Vec<&Node> = nodes.filter(|node| seen.take(node)).collect();
        drop(seen);
        match &self.place {
            Place::Lines => {
                // What one event ends has ended from the leaves up.
                let (ended, begun): (Vec<_>, Vec<_>) =
                    news.into_iter().filter(|node| is_news(node)).partition(|node| node.phase.is_fulfilled());
                ended.into_iter().rev().chain(begun).for_each(|node| talk(line(node)));
            }
            Place::Tree(bar) if !news.is_empty() => bar.tick(),
            Place::Tree(_) | Place::Nowhere => {}
        }
    }

    /// Takes nodes out of the tree: those of a run that has ended while others go on.
    pub(crate) fn forget<'a>(&self, nodes: impl Iterator<Item = &'a Node>) {
        lock(&self.seen).forget(&nodes.map(|node| node.id.as_str()).collect());
    }

    /// Does what prints by itself, above the tree if there is one.
    pub(crate) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.place {
            Place::Tree(bar) => bar.suspend(print),
            Place::Lines | Place::Nowhere => print(),
        }
    }

    /// Says a line, above the tree if there is one.
    pub(crate) fn voice(&self) -> Voice {
        Voice(self.place.clone())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Place::Tree(bar) = &self.place {
            bar.finish_and_clear();
        }
    }
}

impl Voice {
    /// Says a line, above the tree if there is one.
    pub(crate) fn say(&self, text: impl Display) {
        match &self.0 {
            Place::Nowhere => {}
            Place::Tree(bar) => bar.suspend(|| talk(text)),
            Place::Lines => talk(text),
        }
    }
}

impl Seen {
    /// Keeps a node; whether it is new or stands elsewhere than before.
    fn take(&mut self, node: &Node) -> bool {
        if let Some(&place) = self.places.get(&node.id) {
            let before = std::mem::replace(&mut self.nodes[place], node.clone());
            return before.phase != node.phase || before.message != node.message;
        }
        self.places.insert(node.id.clone(), self.nodes.len());
        self.nodes.push(node.clone());
        true
    }

    fn forget(&mut self, ids: &HashSet<&str>) {
        self.nodes.retain(|node| !ids.contains(node.id.as_str()));
        self.places = self.nodes.iter().enumerate().map(|(place, node)| (node.id.clone(), place)).collect();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tree_bar(seen: Arc<Mutex<Seen>>) -> ProgressBar {
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
        let drawing = tree::draw(&lock(&seen).nodes, look);
        // A String takes everything.
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
