//! What the user and the caller decide.

use serde_json::Value;

use super::exec_cache::ExecCaching;
use super::isolation::Isolation;
use super::reuse::Reuse;
use super::synchronization::Locks;
use crate::argo::duration::GoDuration;
use crate::argo::identity::{CacheName, ObjectName, RunId};
use crate::argo::template::text;

/// Whether templates are memoized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memoize {
    /// All that have work to skip.
    #[default]
    Auto,
    /// The same; keys of the user's stay as they are, also where several templates have one.
    Keep,
    /// All, however many entries they make.
    All,
    /// None; what prepare wrote before is taken away.
    Off,
}

/// The annotation by which a run's attempts keep to what was asked for when it was submitted.
const ANNOTATION: &str = "kubectl-runnable/memoize";

impl Memoize {
    /// How a document says so, where it has to.
    pub(super) fn annotation(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Keep => Some((ANNOTATION, "keep")),
            Self::All => Some((ANNOTATION, "all")),
            Self::Auto | Self::Off => None,
        }
    }

    /// What is asked for, or what the document has said.
    pub(super) fn or_said(self, document: &Value) -> Self {
        let said = document.pointer("/metadata/annotations").map(|annotations| text(annotations, ANNOTATION));
        match (self, said) {
            (Self::Auto, Some("keep")) => Self::Keep,
            (Self::Auto, Some("all")) => Self::All,
            _ => self,
        }
    }
}

/// What of other objects is put into a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Inline {
    /// Nothing.
    #[default]
    No,
    /// The WorkflowTemplate that it is made from.
    Whole,
    /// That, and each template that its templates call by `templateRef`.
    All,
}

/// The annotation by which the attempts of a run copy what the first one copied, also where they are given a document.
pub(super) const INLINE: (&str, &str) = ("kubectl-runnable/inline", "all");

impl Inline {
    /// What is asked for, or what the document has said.
    fn or_said(self, document: &Value) -> Self {
        let said = document.pointer("/metadata/annotations").map(|annotations| text(annotations, INLINE.0));
        if said == Some(INLINE.1) { Self::All } else { self }
    }
}

/// What the user and the caller decide. All that is random comes in here.
#[derive(Debug, Clone)]
pub struct Options {
    /// The run id that was asked for.
    pub(crate) run_id: Option<RunId>,
    /// The run id when neither the user nor the document gives one.
    pub(crate) generated_run_id: RunId,
    /// Whether templates are memoized.
    pub memoize: Memoize,
    /// How many bytes the entries of the run may take in its cache, a ConfigMap; none where it is none, without a limit.
    pub(crate) room: Option<u64>,
    /// The cache when the document names none.
    pub(crate) cache_name: Option<CacheName>,
    /// The cache when nobody names one.
    pub(crate) generated_cache_name: CacheName,
    /// How old a cache entry may be; without one those of a prepared document stay, else any age will do.
    pub(crate) max_age: Option<GoDuration>,
    /// Workflow parameters by name; a later one replaces an earlier one.
    pub(crate) parameters: Vec<(String, String)>,
    /// Artifacts of the arguments, each with its place, as they stand in a document.
    pub(crate) artifacts: Vec<Value>,
    /// Artifacts that were given to the attempt before: set where they are still taken and nothing else is said of them.
    pub(crate) kept_artifacts: Vec<Value>,
    /// Labels to set on the workflow.
    pub(crate) labels: Vec<(String, String)>,
    /// Annotations to set on the workflow.
    pub(crate) annotations: Vec<(String, String)>,
    /// The workflow's name; takes the place of a `generateName`.
    pub(crate) name: Option<ObjectName>,
    /// The workflow's namespace.
    pub(crate) namespace: Option<String>,
    /// The template to begin with.
    pub(crate) entrypoint: Option<String>,
    /// The service account of the workflow's pods.
    pub(crate) service_account: Option<String>,
    /// The workflow's priority.
    pub(crate) priority: Option<i32>,
    /// How many pods of the workflow may be at work at once.
    pub(crate) parallelism: Option<u32>,
    /// Locks that the workflow takes, beside those of the document.
    pub(crate) locks: Locks,
    /// Files of their own for the pods.
    pub(crate) isolation: Option<Isolation>,
    /// What of other objects is put into the workflow, so that it can be memoized.
    pub(crate) inline: Inline,
    /// The templates whose entries other runs may use.
    pub(crate) reuse: Reuse,
    /// Whether pods look up their entries themselves.
    pub(crate) exec_cache: ExecCaching,
}

impl Options {
    /// Whether an Argo controller looks the entries up.
    pub(super) fn is_for_controller(&self) -> bool {
        self.room.is_some()
    }

    /// The options with what the document itself has kept of an earlier preparation.
    pub(super) fn said_by(&self, document: &Value) -> Self {
        Self {
            memoize: self.memoize.or_said(document),
            inline: self.inline.or_said(document),
            reuse: self.reuse.or_said(document),
            ..self.clone()
        }
    }

    /// Nothing asked for, with the two names that the caller generates.
    pub fn new(generated_run_id: RunId, generated_cache_name: CacheName) -> Self {
        Self {
            run_id: None,
            generated_run_id,
            memoize: Memoize::Auto,
            room: None,
            cache_name: None,
            generated_cache_name,
            max_age: None,
            parameters: Vec::new(),
            artifacts: Vec::new(),
            kept_artifacts: Vec::new(),
            labels: Vec::new(),
            annotations: Vec::new(),
            name: None,
            namespace: None,
            entrypoint: None,
            service_account: None,
            priority: None,
            parallelism: None,
            locks: Locks::default(),
            isolation: None,
            inline: Inline::No,
            reuse: Reuse::default(),
            exec_cache: ExecCaching::AsSaid,
        }
    }
}
