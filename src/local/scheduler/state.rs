//! A call of a template: who calls, what is handed in, who is told when it has ended.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::argo::expression::Scope;
use crate::argo::model::{Arguments, Artifact, ContinueOn, Hook, Template};
use crate::argo::status::NodeFlag;
use crate::local::resolved::{Reference, TemplateScope};

/// Index of a node in the scheduler, in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(pub(super) usize);

impl NodeIndex {
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
    pub(super) template: Option<Arc<Template>>,
    pub(super) depth: usize,
    pub(super) on_exit: bool,
    pub(super) continue_on: ContinueOn,
    pub(super) hooks: Hooks,
    pub(super) body: Body,
    /// Argo hands these up as errors: the caller errors with them instead of judging the node's phase.
    pub(super) raised: Option<String>,
    /// Counted among its boundary's active children.
    pub(super) counted: bool,
    pub(super) locks: Vec<super::locks::Lock>,
    /// In a plan: what the node gives is not known, for it or this one has to run first.
    pub(super) unknown: Option<usize>,
    /// The nodes of the status' `children`.
    pub(super) children: Vec<NodeIndex>,
    /// Of a steps or dag node: the nodes to which what comes after it is joined.
    pub(super) outbound: Vec<NodeIndex>,
}

/// Handlers of a node's events.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    /// By the event's name, `exit` among them; those that have started are taken out.
    pub(super) waiting: BTreeMap<String, Hook>,
    pub(super) running: usize,
}

/// What a node is doing.
#[derive(Debug)]
pub(super) enum Body {
    /// Nothing of its own: skipped, or its work is over.
    None,
    Pod(PodBody),
    Suspend,
    Steps(StepsBody),
    Group(GroupBody),
    Dag(DagBody),
    Items(ItemsBody),
    Retry(RetryBody),
}

#[derive(Debug)]
pub(super) struct PodBody {
    pub(super) task: Option<Box<crate::local::task::Task>>,
    pub(super) running: bool,
    /// The nodes of a containerSet's containers.
    pub(super) containers: Vec<NodeIndex>,
    /// When it has to have ended, whatever its template says.
    pub(super) deadline: Option<jiff::Timestamp>,
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

/// What the children of a steps or dag node share.
#[derive(Debug)]
pub(super) struct Children {
    /// `steps.…` or `tasks.…` of what has ended, over the template's own inputs.
    pub(super) scope: Arc<Scope>,
    /// Artifacts of what has ended, and of the template's inputs, by the name of their variable.
    pub(super) artifacts: Arc<HashMap<String, Artifact>>,
    /// Names of the steps or tasks to whose result the template refers.
    pub(super) results: HashSet<String>,
    pub(super) slots: Slots,
}

/// Places for active children.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pub(super) limit: Option<usize>,
    pub(super) active: usize,
    pub(super) waiting: VecDeque<Call>,
    pub(super) fail_fast: bool,
    pub(super) unsuccessful: usize,
    /// A pod failed, and the template fails fast: it fails whatever else its children do.
    pub(super) tripped: bool,
    /// Calls were given up because a child failed.
    pub(super) dropped: bool,
}

impl Slots {
    /// Whether no further child may be active. `no_pods` says that the workflow's parallelism is used up: where a failure
    /// is to keep others from starting, they wait for it as calls and not as nodes.
    pub(super) fn is_full(&self, no_pods: bool) -> bool {
        self.limit.is_some_and(|limit| self.active >= limit) || (self.fail_fast && no_pods)
    }

    /// Whether no further child may start, because one failed.
    pub(super) fn has_failed_fast(&self) -> bool {
        self.fail_fast && self.unsuccessful > 0
    }
}

#[derive(Debug)]
pub(super) struct StepsBody {
    pub(super) children: Children,
    pub(super) groups: Vec<Vec<Value>>,
    pub(super) current: usize,
    pub(super) group: Option<NodeIndex>,
}

#[derive(Debug)]
pub(super) struct GroupBody {
    pub(super) unsettled: usize,
    pub(super) error: Option<String>,
    pub(super) failed_fast: bool,
    /// Per step of the document: its name and the nodes it became.
    pub(super) steps: Vec<Ended>,
}

/// The nodes that a step became.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) step: Value,
    pub(super) name: String,
    pub(super) expanded: bool,
    pub(super) nodes: Vec<NodeIndex>,
}

#[derive(Debug)]
pub(super) struct DagBody {
    pub(super) children: Children,
    pub(super) tasks: Vec<TaskState>,
    pub(super) targets: Vec<usize>,
    pub(super) fail_fast: bool,
    /// Tasks that have started and not settled.
    pub(super) active: usize,
}

#[derive(Debug)]
pub(super) struct TaskState {
    pub(super) value: Value,
    pub(super) name: String,
    pub(super) continue_on: ContinueOn,
    pub(super) depends: Option<crate::argo::expression::depends::Depends>,
    pub(super) needs: Vec<usize>,
    pub(super) needed_by: Vec<usize>,
    /// Dependencies that have not settled.
    pub(super) missing: usize,
    pub(super) wanted: bool,
    pub(super) node: Option<NodeIndex>,
}

#[derive(Debug)]
pub(super) struct ItemsBody {
    pub(super) unsettled: usize,
    pub(super) nodes: Vec<NodeIndex>,
}

#[derive(Debug)]
pub(super) struct RetryBody {
    /// The template with its inputs in place; tags of the attempt are still open.
    pub(super) value: Value,
    pub(super) attempts: Vec<NodeIndex>,
    pub(super) call: Box<Call>,
}
