//! What becomes of a node in the next attempt, and why.

use std::fmt;

use serde::Serialize;

/// What becomes of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "camelCase")]
pub(crate) enum Verdict {
    /// Its outputs come from the cache.
    #[serde(rename_all = "camelCase")]
    Cached {
        /// How old the entry is, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        age_seconds: Option<i64>,
        /// The cached node that it is part of, when its own entry is not asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        within: Option<String>,
    },
    /// Its status is carried over.
    CarriedOver,
    /// It runs.
    Runs {
        /// Why.
        why: Why,
    },
    /// Its condition is looked at again.
    Decided,
}

/// Why a node runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase")]
pub(crate) enum Why {
    /// It failed.
    Failed,
    /// It ended in Error.
    Errored,
    /// It had not ended.
    Unfinished,
    /// It was left out of memoization.
    NotMemoized,
    /// Its cache entry is gone.
    EntryGone,
    /// Its cache entry is older than its template allows.
    Expired,
    /// Another cache was used then.
    OtherCache,
    /// The template or one that it calls was edited.
    TemplateEdited,
    /// It reads parameters that were changed.
    InputChanged {
        /// Their names.
        parameters: Vec<String>,
    },
    /// It takes outputs of a node that runs.
    InputFrom {
        /// The node's name.
        node: String,
    },
    /// What it depends on did not end as asked.
    Omitted,
    /// It was never started.
    NeverStarted,
    /// Something in it runs.
    Within,
    /// It was selected.
    Selected,
    /// It comes after a node that runs.
    After,
    /// Hooks and exit handlers run in each attempt.
    Handler,
}

impl Verdict {
    /// Whether the node does its work again.
    pub(crate) fn runs(&self) -> bool {
        matches!(self, Self::Runs { .. })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Failed => "failed",
            Self::Errored => "ended in error",
            Self::Unfinished => "had not ended",
            Self::NotMemoized => "left out of memoization",
            Self::EntryGone => "its cache entry is gone",
            Self::Expired => "its cache entry is too old",
            Self::OtherCache => "another cache was used",
            Self::TemplateEdited => "template edited",
            Self::InputChanged { parameters } => {
                return write!(formatter, "input changed: {}", parameters.join(", "));
            }
            Self::InputFrom { node } => return write!(formatter, "takes outputs of {node}"),
            Self::Omitted => "was omitted",
            Self::NeverStarted => "never started",
            Self::Within => "something in it runs",
            Self::Selected => "selected",
            Self::After => "comes after what runs",
            Self::Handler => "runs in each attempt",
        };
        formatter.write_str(text)
    }
}
