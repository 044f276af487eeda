//! What became of a node, in the few states that a reader tells apart.

use serde::Serialize;

use crate::argo::status::{Node, Phase};

/// The state of a node, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Failed or Error.
    Failed,
    /// It ran when the process of the run was killed.
    Lost,
    /// At work.
    Running,
    /// Not started.
    Waiting,
    /// It ran and Succeeded.
    Ran,
    /// Its outputs came from the cache, or from the attempt before.
    Cached,
    /// It did not have to run.
    Skipped,
}

impl State {
    /// All states, the most important first.
    pub(crate) const ALL: [Self; 7] =
        [Self::Failed, Self::Lost, Self::Running, Self::Waiting, Self::Ran, Self::Cached, Self::Skipped];

    pub(crate) fn of(node: &Node, killed: bool) -> Self {
        let is_hit = node.memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
        // `argo resubmit --memoized` marks what it takes over (`FormulateResubmitWorkflow` in workflow/util/util.go, v4.1.2).
        let is_taken_over = node.phase == Phase::Skipped && node.message.starts_with("original pod: ");
        match node.phase {
            Phase::Failed | Phase::Error => Self::Failed,
            Phase::Running if killed => Self::Lost,
            Phase::Running => Self::Running,
            Phase::Pending => Self::Waiting,
            Phase::Succeeded if is_hit => Self::Cached,
            Phase::Skipped if is_taken_over => Self::Cached,
            Phase::Succeeded => Self::Ran,
            Phase::Skipped | Phase::Omitted => Self::Skipped,
        }
    }

    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Ran => "ran",
            Self::Cached => "cached",
            Self::Skipped => "skipped",
        }
    }

    /// A sign that differs by shape.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Failed => "✖",
            Self::Lost => "‽",
            Self::Running => "●",
            Self::Waiting => "◷",
            Self::Ran => "✔",
            Self::Cached => "◎",
            Self::Skipped => "○",
        }
    }
}
