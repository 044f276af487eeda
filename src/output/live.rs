//! The state of a run while it goes on: a live tree on a terminal, a line a change elsewhere. Written to standard error.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::tree::{self, Look, printable};
use crate::argo::status::{Node, NodeType, Phase};

/// Time between two drawings of the tree.
const REDRAW: Duration = Duration::from_millis(80);

/// Where a run's changes are shown.
#[derive(Debug)]
pub enum Live {
    /// Nowhere.
    Quiet,
    /// A tree that is drawn again and again.
    Tree {
        /// The drawing.
        bar: ProgressBar,
        /// When it was drawn last.
        drawn: Option<Instant>,
    },
    /// A line a change.
    Lines,
}

impl Live {
    /// What fits standard error: a tree on a terminal, lines elsewhere.
    pub fn new(quiet: bool) -> Self {
        if quiet {
            Self::Quiet
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(20));
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            Self::Tree { bar, drawn: None }
        } else {
            Self::Lines
        }
    }

    /// Shows the nodes that changed among all of them.
    pub fn show<'a>(&mut self, all: &[Node], changed: impl Iterator<Item = &'a Node>) {
        match self {
            Self::Quiet => {}
            Self::Lines => changed.filter(|node| is_news(node)).for_each(|node| eprintln!("{}", line(node))),
            Self::Tree { bar, drawn } => {
                if drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
                    *drawn = Some(Instant::now());
                    let height = usize::from(Term::stderr().size().0).saturating_sub(2).max(5);
                    let look = Look { color: colors(), fold: Some(8), lines: Some(height), now: Timestamp::now() };
                    bar.set_message(tree::draw(all, look).trim_end().to_owned());
                    bar.tick();
                }
            }
        }
    }

    /// Takes the tree away.
    pub fn finish(&self) {
        if let Self::Tree { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

/// Whether standard error takes colour.
pub fn colors() -> bool {
    std::io::stderr().is_terminal() && console::colors_enabled_stderr()
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
