//! A run as `status` shows it: its summary, its nodes, what failed.

use jiff::Timestamp;

use super::node_filter::NodeFilter;
use super::values::ObjectFormats;
use crate::backend::Snapshot;
use crate::output::failures::screen;
use crate::output::format::ObjectFormat;
use crate::output::status::{self, View};
use crate::output::tree::Look;
use crate::report::failures::Failures;
use crate::report::waits::Wait;

/// Siblings shown in the tree before the rest is folded into one line.
pub(super) const FOLD: usize = 20;

/// What is shown of a run.
#[derive(Debug, clap::Args)]
pub(super) struct ViewArgs {
    /// Show every node, even of a wide fan-out
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    nodes: NodeFilter,

    /// Show the outputs of the run and of its nodes, with the places of artifacts (text and wide)
    #[arg(long)]
    outputs: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = ObjectFormats)]
    output: Option<ObjectFormat>,
}

/// A run, and what is told of it besides its object.
pub(super) struct Shown {
    pub(super) state: Snapshot,
    pub(super) failures: Failures,
    pub(super) latest: Option<(u32, String)>,
    pub(super) store: Option<String>,
    pub(super) waits: Vec<Wait>,
}

impl Shown {
    /// The run alone.
    pub(super) fn of(state: Snapshot) -> Self {
        Self { state, failures: Failures::default(), latest: None, store: None, waits: Vec::new() }
    }
}

impl ViewArgs {
    /// How objects are written; none where the run is shown to a person.
    pub(super) fn format(&self) -> Option<&ObjectFormat> {
        self.output.as_ref().filter(|format| !format.is_wide())
    }

    /// The run for a person.
    pub(super) fn text(&self, Shown { state, failures, latest, store, waits }: &Shown) -> String {
        let look = Look { lost: state.killed, ..Look::of_stdout((!self.all).then_some(FOLD), Timestamp::now()) };
        let selected = state.nodes.all.iter().filter(|node| self.nodes.matches(node));
        let view = View {
            workflow: &state.workflow,
            summary: &state.summary(),
            nodes: selected.cloned().collect(),
            waits: waits.clone(),
            latest: latest.clone(),
            address: &failures.address,
            outputs: self.outputs,
            store: store.clone(),
        };
        let text = if self.output.is_some() { status::wide(&view, look) } else { status::text(&view, look) };
        let failed = screen(failures, look.color);
        let between = if failed.is_empty() { "" } else { "\n" };
        format!("{text}{between}{failed}")
    }
}
