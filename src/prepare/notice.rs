//! What prepare tells about its work: what it left out and why, and what the user should look at.

use std::fmt;

/// Something prepare did, or did not do, that its user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A template is not memoized.
    NotMemoized {
        /// The template; for an inline one, that of the template it stands in.
        template: String,
        /// Why.
        reason: Reason,
    },
    /// A `memoize` that the user wrote got the cache it lacked.
    CacheAdded {
        /// The template.
        template: String,
    },
    /// The user's key does not tell this template's entries from another's in the same cache.
    SharedKey {
        /// The template.
        template: String,
        /// The key as it is written.
        key: String,
    },
    /// A memoized template reads values that differ in each attempt; its key leaves them out.
    DiffersEachAttempt {
        /// The template.
        template: String,
        /// The values, such as `workflow.name`.
        values: Vec<String>,
    },
    /// A template got the input `runnable_result`, for only some of its callers read its result.
    ResultInput {
        /// The template.
        template: String,
    },
    /// The document's `run_id` was no fixed text and was replaced.
    RunIdReplaced {
        /// What it was.
        value: String,
    },
    /// The document names a cache, which is used in place of the one that was asked for.
    CacheNameKept {
        /// The cache that was asked for.
        asked: String,
        /// The cache in use.
        kept: String,
    },
    /// The templates stand in another object, so that they are neither memoized nor given variables here.
    ByReference {
        /// The WorkflowTemplate or ClusterWorkflowTemplate.
        name: String,
    },
}

/// Why a template is not memoized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It waits; there is no work to skip.
    Suspend,
    /// It runs beside the steps that follow it, which need it each time.
    Daemon,
    /// It runs when something starts, changes or ends, or is called by what does.
    Handler,
    /// It has a `memoize` of its own, or one from `templateDefaults`.
    UserMemoized,
    /// It is written at its call; the template it stands in is memoized.
    Inline,
    /// It has no type that is known.
    UnknownType,
    /// It mounts a volume that is made for each workflow, or calls what does.
    VolumeClaim {
        /// The volume claim template.
        volume: String,
    },
    /// It makes an object that is deleted with each workflow, or calls what does.
    Owned,
    /// It calls a template whose content is not known.
    UnknownTemplate {
        /// The template, as `object/template` when it stands in another object.
        name: String,
    },
    /// It reads outputs that other templates export to the whole workflow, or calls what does.
    GlobalOutputs,
    /// It calls a template that exports outputs to the whole workflow, which a hit would not do.
    Exports,
    /// It reads the name of the step or task that calls it.
    CallSite,
    /// It reads a variable whose name cannot stand in a key or is computed.
    Unkeyable {
        /// The variable.
        name: String,
    },
    /// It reads artifacts and may run more than once in a run: their content is not in the key.
    Artifacts,
    /// Its output artifacts are deleted when the workflow completes.
    ArtifactsDeleted,
    /// Only some of its callers read its result, and it reads its inputs as a whole, so that none can be added.
    MixedResult,
}

impl Notice {
    /// Whether something may go otherwise than the user expects.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::SharedKey { .. }
            | Self::DiffersEachAttempt { .. }
            | Self::RunIdReplaced { .. }
            | Self::CacheNameKept { .. }
            | Self::ByReference { .. } => true,
            Self::NotMemoized { .. } | Self::CacheAdded { .. } | Self::ResultInput { .. } => false,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMemoized { template, reason } => {
                write!(formatter, "template {template:?} is not memoized: {reason}")
            }
            Self::CacheAdded { template } => {
                write!(formatter, "template {template:?} has a memoize without a cache; the run's cache was added")
            }
            Self::SharedKey { template, key } => {
                write!(
                    formatter,
                    "template {template:?} may be given another's outputs: its memoize key {key:?} does not tell templates apart"
                )
            }
            Self::DiffersEachAttempt { template, values } => write!(
                formatter,
                "template {template:?} reads {}, which differ in each attempt and are left out of its memoize key",
                values.join(", ")
            ),
            Self::ResultInput { template } => write!(
                formatter,
                "template {template:?} got the input \"runnable_result\": only some of its callers read its result"
            ),
            Self::RunIdReplaced { value } => {
                write!(formatter, "the parameter run_id was {value:?}, which is no fixed run id, and was replaced")
            }
            Self::CacheNameKept { asked, kept } => {
                write!(formatter, "the document names the cache {kept:?}; {asked:?} is not used")
            }
            Self::ByReference { name } => write!(
                formatter,
                "the templates of {name:?} are taken as they are on the cluster: nothing is memoized and no variable is set there"
            ),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suspend => formatter.write_str("it only waits"),
            Self::Daemon => formatter.write_str("it is a daemon"),
            Self::Handler => formatter.write_str("it runs as a hook or exit handler"),
            Self::UserMemoized => formatter.write_str("its own memoize is kept"),
            Self::Inline => formatter.write_str("it is an inline template"),
            Self::UnknownType => formatter.write_str("its type is unknown"),
            Self::VolumeClaim { volume } => write!(formatter, "the files on volume {volume:?} go with each workflow"),
            Self::Owned => formatter.write_str("the object it makes is deleted with each workflow"),
            Self::UnknownTemplate { name } => write!(formatter, "the called template {name:?} is not known"),
            Self::GlobalOutputs => formatter.write_str("it reads outputs of the whole workflow"),
            Self::Exports => formatter.write_str("it calls a template that exports outputs to the whole workflow"),
            Self::CallSite => formatter.write_str("it reads the name of the step that calls it"),
            Self::Unkeyable { name } => write!(formatter, "it reads {name}, which cannot stand in a key"),
            Self::Artifacts => formatter.write_str("it reads artifacts and may run more than once"),
            Self::ArtifactsDeleted => formatter.write_str("its output artifacts are deleted with each workflow"),
            Self::MixedResult => formatter.write_str("only some of its callers read its result"),
        }
    }
}
