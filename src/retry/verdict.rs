//! What becomes of a node in the next attempt, and why.

use std::fmt;

use serde::Serialize;

use crate::argo::status::Node;

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
        /// How long the entry may still be used, where that is less than an hour.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in_seconds: Option<i64>,
        /// The cached node that it is part of, when its own entry is not asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        within: Option<String>,
        /// Whether the entry may be another run's: its key is of content and inputs alone.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        reused: bool,
    },
    /// Its status is carried over.
    CarriedOver,
    /// It runs.
    Runs {
        /// Why.
        why: Why,
    },
    /// Another node decides: an input comes from it, or a condition reads how it ends.
    Decided {
        /// The node; none where a condition is looked at again.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// It does not run: its condition is false, or what it depends on does not end as asked.
    Skipped,
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
    NotMemoized {
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// Its cache entry is gone.
    EntryGone,
    /// Its cache entry is older than its template allows.
    Expired,
    /// Another cache was used then.
    OtherCache,
    /// The template or one that it calls was edited.
    TemplateEdited {
        /// The fields, or the templates that it calls; empty where that is not known.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<String>,
    },
    /// Inputs, or parameters of the workflow that it reads, have other values.
    InputChanged {
        /// Their names.
        parameters: Vec<String>,
    },
    /// Its key is another one than in the last attempt.
    KeyChanged,
    /// The last attempt was prepared by a version whose keys did not name the call.
    OlderVersion,
    /// Its condition was false.
    WasSkipped,
    /// It cannot start, for this reason.
    Fails {
        /// The message that its node will have.
        message: String,
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
    /// The user asks for it.
    Selected,
    /// The user gives its outcome.
    Stubbed,
    /// It comes after a node that runs.
    After,
    /// Hooks and exit handlers run in each attempt.
    Handler,
}

impl Verdict {
    /// The verdict on a node within one of this verdict: its own entry is not asked for.
    pub(super) fn within(self, above: &Node) -> Self {
        match self {
            Self::Cached { age_seconds, reused, .. } => {
                Self::Cached { age_seconds, expires_in_seconds: None, within: Some(above.display_name.clone()), reused }
            }
            other => other,
        }
    }

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
            Self::NotMemoized { because: Some(why) } => return write!(formatter, "not memoized: {why}"),
            Self::NotMemoized { because: None } => "left out of memoization",
            Self::EntryGone => "its cache entry is gone",
            Self::Expired => "its cache entry is too old",
            Self::OtherCache => "another cache was used",
            Self::TemplateEdited { fields } if fields.is_empty() => "template edited",
            Self::TemplateEdited { fields } => return write!(formatter, "template edited: {}", fields.join(", ")),
            Self::KeyChanged => "its key has changed",
            Self::OlderVersion => "prepared by an older version",
            Self::WasSkipped => "was skipped",
            Self::Fails { message } => return write!(formatter, "will end in error: {message}"),
            Self::InputChanged { parameters } => {
                return write!(formatter, "input changed: {}", parameters.join(", "));
            }
            Self::InputFrom { node } => return write!(formatter, "takes outputs of {node}"),
            Self::Omitted => "was omitted",
            Self::NeverStarted => "never started",
            Self::Within => "something in it runs",
            Self::Selected => "asked for",
            Self::Stubbed => "--stub gives its outcome",
            Self::After => "comes after what runs",
            Self::Handler => "runs in each attempt",
        };
        formatter.write_str(text)
    }
}
