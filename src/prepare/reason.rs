//! Why a template is not memoized.

use std::fmt;

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
    /// Its pods are to look up their entries, and it names no command to put the look-up before.
    NoCommand,
    /// It is written at its call; the template it stands in is memoized.
    Inline,
    /// It stands in another object, and is called by `templateRef`.
    Referenced,
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
    /// It reads artifacts that callers hand in which are not known: what they were made of is not in the key.
    Artifacts,
    /// Its output artifacts are deleted when the workflow completes.
    ArtifactsDeleted,
    /// It has a `retryStrategy`, and a task of a dag depends on its nodes and on nothing else.
    RetriedTask,
    /// With its entries the ConfigMap could become too full.
    Entries {
        /// How many it may make.
        count: u64,
    },
    /// Only some of its callers read its result, and it reads its inputs as a whole, so that none can be added.
    MixedResult,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suspend => formatter.write_str("suspend"),
            Self::Daemon => formatter.write_str("daemon"),
            Self::Handler => formatter.write_str("hook or exit handler"),
            Self::UserMemoized => formatter.write_str("has a memoize of its own"),
            Self::NoCommand => formatter.write_str("has no command: the image's own is not known"),
            Self::Inline => formatter.write_str("inline"),
            Self::Referenced => formatter.write_str("called by templateRef: --inline copies it into the workflow"),
            Self::UnknownType => formatter.write_str("unknown type"),
            Self::VolumeClaim { volume } => write!(formatter, "the files on volume {volume:?} go with each workflow"),
            Self::Owned => formatter.write_str("the object it makes goes with each workflow"),
            Self::UnknownTemplate { name } => write!(formatter, "the called template {name:?} is not known"),
            Self::GlobalOutputs => formatter.write_str("reads outputs of the whole workflow"),
            Self::Exports => formatter.write_str("calls a template that exports outputs to the whole workflow"),
            Self::CallSite => formatter.write_str("reads the name of the step that calls it"),
            Self::Unkeyable { name } => write!(formatter, "reads {name}, which cannot stand in a key"),
            Self::Artifacts => formatter.write_str("reads artifacts, and who calls it is not known"),
            Self::ArtifactsDeleted => formatter.write_str("its output artifacts go with each workflow"),
            Self::RetriedTask => formatter.write_str(
                "it has a retryStrategy, and a task of a dag depends on its nodes alone: an Argo controller never ends such a dag \
                 when they are cached; --exec-cache memoizes it",
            ),
            Self::Entries { count } => write!(
                formatter,
                "its {count} entries could fill the cache's ConfigMap, where a full one fails pods that succeeded; \
                 --memoize=all memoizes it"
            ),
            Self::MixedResult => formatter.write_str("only some of its callers read its result"),
        }
    }
}
