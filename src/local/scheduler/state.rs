//! A call of a template: who calls, what is handed in, who is told when it has ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;

use super::arguments::Filled;
use super::attempts::Attempts;
use super::dag_tasks::DagTasks;
use super::hook_faults::BrokenOff;
use super::hooks::Hooks;
use super::item_group::ItemGroup;
use super::locks::Lock;
use super::step_group::StepGroup;
use crate::argo::model::{Arguments, ContinueOn, Hook, Template};
use crate::argo::status::NodeFlag;
use crate::local::resolved::{Reference, TemplateScope};

/// Index of a node in the scheduler, in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(pub(super) usize);

impl NodeIndex {
    #[cfg(test)]
    pub(in crate::local) fn at(number: usize) -> Self {
        Self(number)
    }

    /// Its place in the order of creation.
    pub(crate) fn number(self) -> usize {
        self.0
    }
}

/// Who is told when a node has ended and its hooks too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The workflow: this is the entrypoint.
    Entry,
    /// The workflow: this is its exit handler.
    ExitHandler,
    /// The steps node that a step group belongs to.
    Steps(NodeIndex),
    /// The step group that a step belongs to.
    Group(NodeIndex),
    /// The dag node and the place of the task in it.
    Task(NodeIndex, usize),
    /// The task group that an item belongs to.
    Item(NodeIndex),
    /// The retry node that an attempt belongs to.
    Attempt(NodeIndex),
    /// The node whose event this hook handles.
    Hook(NodeIndex),
}

impl Owner {
    /// The node that this one is part of.
    pub(super) fn whole(self) -> Option<NodeIndex> {
        match self {
            Self::Steps(node) | Self::Group(node) | Self::Task(node, _) | Self::Item(node) | Self::Attempt(node) => {
                Some(node)
            }
            Self::Entry | Self::ExitHandler | Self::Hook(_) => None,
        }
    }
}

/// A call of a template that has not become a node yet.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) reference: Reference,
    /// Where the reference is looked up.
    pub(super) scope: TemplateScope,
    pub(super) caller: Caller,
    pub(super) arguments: Arguments,
    pub(super) boundary: Option<NodeIndex>,
    pub(super) owner: Owner,
    pub(super) flag: Option<NodeFlag>,
    /// Part of an exit handler, which a stop lets run.
    pub(super) on_exit: bool,
    pub(super) hooks: BTreeMap<String, Hook>,
    pub(super) continue_on: ContinueOn,
}

impl Call {
    /// A call without arguments, boundary, hooks and flags.
    pub(super) fn new(name: String, reference: Reference, scope: TemplateScope, owner: Owner) -> Self {
        Self {
            name,
            reference,
            scope,
            owner,
            caller: Caller::default(),
            arguments: Arguments::default(),
            boundary: None,
            flag: None,
            on_exit: false,
            hooks: BTreeMap::new(),
            continue_on: ContinueOn::default(),
        }
    }

    /// The call as one of a step or task.
    pub(super) fn called_by(self, kind: &'static str, name: String) -> Self {
        Self { caller: Caller { kind, name }, ..self }
    }
}

/// How the calling template knows the call: `steps.NAME` or `tasks.NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) kind: &'static str,
    /// An item's name has the item's place and value behind that of its step or task.
    pub(super) name: String,
}

impl Caller {
    /// The name of the step or task, without that of an item.
    pub(super) fn step(&self) -> &str {
        self.name.split('(').next().unwrap_or_default()
    }

    /// How the variables begin that a hook has of the node: items of a task go by the task's name.
    pub(super) fn prefix_of_hooks(&self) -> String {
        let name = if self.kind == "tasks" { self.step() } else { &self.name };
        format!("{}.{name}", self.kind)
    }
}

/// What the scheduler knows of a node beside its status.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) owner: Owner,
    pub(super) boundary: Option<NodeIndex>,
    pub(super) caller: Caller,
    /// Where references in the node's own template are looked up.
    pub(super) inner_scope: TemplateScope,
    /// The template; until the node does its work with tags in what only the work reads, which are replaced in `filled`.
    pub(super) template: Option<Arc<Template>>,
    pub(super) filled: Option<Box<Filled>>,
    pub(super) depth: usize,
    /// When its work began and ended, counted from the beginning of the run.
    pub(super) began: SignedDuration,
    pub(super) ended: SignedDuration,
    pub(super) on_exit: bool,
    pub(super) continue_on: ContinueOn,
    pub(super) hooks: Hooks,
    pub(super) body: Body,
    /// Argo hands these up as errors: the caller errors with them instead of judging the node's phase.
    pub(super) raised: Option<String>,
    /// It begins nothing more, and ends in Error when what is at work in it has ended.
    pub(super) broken_off: Option<BrokenOff>,
    /// It has ended, and the turn of its owner is to come.
    pub(super) is_settling: bool,
    /// Its owner knows that it need not wait for this daemon.
    pub(super) told: bool,
    /// Counted among its boundary's active children.
    pub(super) counted: bool,
    pub(super) locks: Vec<Lock>,
    /// In a plan: what the node gives is not known, for it or this one has to run first.
    pub(super) unknown: Option<usize>,
    /// In a plan: whether the node runs is not known, so that its outputs are unknown whatever its children give.
    pub(super) undecided: Option<usize>,
    /// What it is given depends on a stub.
    pub(super) given_stubs: bool,
    /// What it gives depends on a stub.
    pub(super) stubbed: bool,
    /// The nodes of the status' `children`.
    pub(super) children: Vec<NodeIndex>,
    /// Of a steps or dag node: the nodes to which what comes after it is joined.
    pub(super) outbound: Vec<NodeIndex>,
}

/// What a node is doing.
#[derive(Debug)]
pub(super) enum Body {
    /// Nothing of its own: skipped, or its work is over.
    None,
    Pod(PodBody),
    /// A request, or a list of artifacts.
    Errand,
    Suspend,
    Steps(StepsBody),
    Group(StepGroup),
    Dag(Box<DagTasks>),
    Items(ItemGroup),
    Retry(Attempts),
}

#[derive(Debug)]
pub(super) struct PodBody {
    pub(super) task: Option<Box<crate::local::task::Task>>,
    pub(super) running: bool,
    /// It is a daemon that is ready.
    pub(super) daemoned: bool,
    /// The nodes of a containerSet's containers.
    pub(super) containers: Vec<NodeIndex>,
    /// When it has to have ended, whatever its template says.
    pub(super) deadline: Option<SignedDuration>,
    /// Why it was asked to end.
    pub(super) kill: Option<Kill>,
}

/// Why a running task was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kill {
    Deadline,
    WorkflowDeadline,
    Shutdown,
}

#[derive(Debug)]
pub(super) struct StepsBody {
    pub(super) groups: Vec<Vec<Value>>,
    pub(super) current: usize,
    pub(super) group: Option<NodeIndex>,
}
