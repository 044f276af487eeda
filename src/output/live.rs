//! The nodes of running runs, on standard error: a live tree on a terminal, otherwise one line per change.

use std::fmt::Display;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) use super::live_nodes::Expected;
use super::live_nodes::{LiveNodes, News, ToldNodes, is_news, line};
use super::stream::{stderr_colors, talk};
use super::tree::Look;
use crate::argo::status::Node;
use crate::mask::Mask;

/// The interval at which an unchanged tree is redrawn to update its durations.
const TICK: Duration = Duration::from_millis(250);
/// The maximum number of redraws per second.
const RATE: u8 = 8;
/// The maximum number of lines.
const LINES: usize = 20;

/// Shows the nodes of runs. Dropping it removes the tree.
#[derive(Debug)]
pub(crate) struct Live {
    shown: Arc<Mutex<LiveNodes>>,
    told: Mutex<ToldNodes>,
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

impl Live {
    /// A tree if standard error is a terminal that can be drawn on, otherwise lines.
    pub(crate) fn new(quiet: bool) -> Self {
        let shown = Arc::new(Mutex::new(LiveNodes::default()));
        let is_dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        let mode = match (quiet, std::io::stderr().is_terminal() && !is_dumb) {
            (true, _) => Mode::Nowhere,
            (false, true) => Mode::Tree(tree_bar(Arc::clone(&shown))),
            (false, false) => Mode::Lines,
        };
        Self { shown, told: Mutex::default(), mode }
    }

    /// Whether the time that is left is shown: to know it takes a reading of the attempt before.
    pub(crate) fn estimates(&self) -> bool {
        matches!(self.mode, Mode::Tree(_))
    }

    /// Estimates the time that is left from the attempt before.
    pub(crate) fn expect(&self, expected: Expected) {
        lock(&self.shown).expect(expected);
    }

    /// Shows the nodes that have changed since the last call.
    pub(crate) fn show<'a>(&self, nodes: impl Iterator<Item = &'a Node>, mask: &Mask) {
        match &self.mode {
            Mode::Nowhere => {}
            Mode::Lines => {
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                let news: Vec<(&Node, News)> = nodes.filter_map(|node| Some((node, told.take(node, mask)?))).collect();
                drop(told);
                // Nodes that end with the same event end from the leaves up, so print children before their parents.
                let (ended, begun): (Vec<_>, Vec<_>) =
                    news.into_iter().filter(|(node, _)| is_news(node)).partition(|(node, _)| node.phase.is_fulfilled());
                let news = ended.into_iter().rev().chain(begun);
                let zone = TimeZone::system();
                let lines: Vec<String> = news.map(|(node, news)| line(node, news, mask, &zone)).collect();
                // Many nodes can change at once: they cost one write.
                if !lines.is_empty() {
                    talk(lines.join("\n"));
                }
            }
            Mode::Tree(bar) => {
                let mut shown = lock(&self.shown);
                let news = nodes.filter(|node| shown.take(node, mask).is_some()).count();
                drop(shown);
                if news > 0 {
                    bar.tick();
                }
            }
        }
    }

    /// Removes the nodes of an ended run from the tree while other runs continue.
    pub(crate) fn forget<'a>(&self, nodes: impl Iterator<Item = &'a Node>) {
        let ids = nodes.map(|node| node.id.as_str()).collect();
        lock(&self.shown).forget(&ids);
        self.told.lock().unwrap_or_else(PoisonError::into_inner).forget(&ids);
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
        self.above(|| talk(text));
    }

    /// Calls a function that prints, above the tree if there is one; does not call it if changes are not shown.
    pub(crate) fn above(&self, print: impl FnOnce()) {
        match &self.0 {
            Mode::Nowhere => {}
            Mode::Tree(bar) => bar.suspend(print),
            Mode::Lines => print(),
        }
    }
}

fn lock(shown: &Mutex<LiveNodes>) -> MutexGuard<'_, LiveNodes> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tree_bar(shown: Arc<Mutex<LiveNodes>>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(RATE));
    let tree = move |_: &ProgressState, to: &mut dyn std::fmt::Write| {
        let (height, width) = Term::stderr().size();
        let look = Look {
            color: stderr_colors(),
            lines: Some(usize::from(height).saturating_sub(2).clamp(3, LINES)),
            width: Some(usize::from(width).saturating_sub(1).max(10)),
            ..Look::plain(Timestamp::now())
        };
        let drawing = lock(&shown).draw(look);
        // Writing to a String cannot fail.
        let _ = to.write_str(drawing.trim_end());
    };

    if let Ok(style) = ProgressStyle::with_template("{tree}") {
        bar.set_style(style.with_key("tree", tree));
    }
    bar.enable_steady_tick(TICK);
    bar
}
