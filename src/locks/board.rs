//! Who holds and who waits, put together from the status of all workflows.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::drain::DRAIN_ANNOTATION;
use super::limits::{Drained, Limit, Limits};
use crate::argo::status::{Node, Phase};
use crate::argo::synchronization::{Holder, LockKind, LockName, Recorded};
use crate::run::nodes::Nodes;
use crate::run::secret::Mask;

/// Namespace and name of an object.
pub type Address = (String, String);

/// A lock with those who have to do with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// Its name.
    pub name: LockName,
    /// How many may hold it.
    pub limit: Limit,
    /// Whether it lets nobody in.
    pub drained: Option<Drained>,
    /// The branches that its key is known to stand for.
    pub branches: Vec<String>,
    /// Who holds it.
    pub holders: Vec<Holding>,
    /// Who waits for it, the next first.
    pub queue: Vec<Waiter>,
}

/// Somebody who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Holding {
    /// Who.
    pub holder: Holder,
    /// The node's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// Whether it will give the lock back.
    #[serde(flatten)]
    pub standing: Standing,
    /// Whether it is there to keep others out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drains: bool,
}

/// Whether a holder will give its lock back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "camelCase")]
pub enum Standing {
    /// It is at work.
    Live {
        /// The workflow's phase.
        phase: String,
    },
    /// It has ended, the workflow or the node, and should have given it back.
    Ended {
        /// The phase that it ended in.
        phase: String,
    },
    /// Its workflow does not exist.
    Gone,
}

impl Standing {
    /// Whether nobody is left to give the lock back.
    pub fn is_orphaned(&self) -> bool {
        !matches!(self, Self::Live { .. })
    }
}

/// Somebody who waits for a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiter {
    /// Who; without a node the workflow as a whole, or a node that is not known.
    pub holder: Holder,
    /// The node's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// The workflow's priority; the highest comes first.
    pub priority: i64,
    /// When the workflow was created; of one priority the oldest comes first.
    pub created: String,
    /// The ids of the nodes that the node stands within, from the nearest.
    #[serde(skip)]
    pub within: Vec<String>,
    /// Whether it is there to keep others out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drains: bool,
}

/// Workflows and limits, as far as they were read.
#[derive(Debug, Default)]
pub struct Board {
    workflows: BTreeMap<Address, Seen>,
    gone: BTreeSet<Address>,
    limits: HashMap<LockName, (Limit, Option<Drained>, Vec<String>)>,
    /// The ConfigMaps that were looked for, and whether they are there.
    config_maps: BTreeMap<Address, bool>,
}

/// What matters of a workflow.
#[derive(Debug)]
struct Seen {
    phase: String,
    ended: bool,
    priority: i64,
    created: String,
    recorded: Recorded,
    /// Nodes that hold or wait, by id.
    nodes: HashMap<String, SeenNode>,
    /// Whether these are all.
    whole: bool,
    drains: bool,
    instance: Option<String>,
}

#[derive(Debug)]
struct SeenNode {
    name: String,
    ended: Option<String>,
    waiting: Option<LockName>,
    within: Vec<String>,
}

impl Board {
    /// Takes a workflow in. One that has nothing to do with locks is forgotten at once.
    pub fn add(&mut self, workflow: &Value) {
        let text = |field: &str| workflow["metadata"][field].as_str().unwrap_or_default().to_owned();
        let recorded = Recorded::of(workflow);
        let address = (text("namespace"), text("name"));
        let nodes = if recorded == Recorded::default() { Nodes::default() } else { Nodes::of(workflow) };
        let phase = workflow["status"]["phase"].as_str().filter(|phase| !phase.is_empty()).unwrap_or("Pending");
        let seen = Seen {
            phase: phase.to_owned(),
            ended: matches!(phase, "Succeeded" | "Failed" | "Error"),
            priority: workflow["spec"]["priority"].as_i64().unwrap_or_default(),
            created: text("creationTimestamp"),
            nodes: seen_nodes(workflow, &nodes, &recorded),
            whole: nodes.partial.is_none(),
            recorded,
            drains: workflow["metadata"]["annotations"].get(DRAIN_ANNOTATION).is_some(),
            instance: workflow["metadata"]["labels"][INSTANCE].as_str().map(str::to_owned),
        };
        self.workflows.insert(address, seen);
    }

    /// Takes in that a workflow does not exist.
    pub fn add_gone(&mut self, workflow: Address) {
        self.gone.insert(workflow);
    }

    /// The workflows that others name as holders and that were not taken in.
    pub fn unseen(&self) -> BTreeSet<Address> {
        let waiting = self.workflows.values().flat_map(|seen| &seen.recorded.waiting);
        let named = waiting.flat_map(|waiting| &waiting.held_by);
        named
            .map(address)
            .filter(|address| !self.workflows.contains_key(address) && !self.gone.contains(address))
            .collect()
    }

    /// Takes in the limits of a ConfigMap, each of which is a lock also when nobody asks for it.
    pub fn add_limits(&mut self, namespace: &str, limits: &Limits<'_>) {
        self.config_maps.insert((namespace.to_owned(), limits.name().to_owned()), true);
        for key in limits.keys() {
            let lock = LockName::semaphore(namespace, limits.name(), key);
            let told = (limits.limit(key), limits.drained(key).cloned(), limits.branches(key).to_vec());
            self.limits.insert(lock, told);
        }
    }

    /// Takes in that a ConfigMap does not exist.
    pub fn add_missing_limits(&mut self, config_map: Address) {
        self.config_maps.insert(config_map, false);
    }

    /// The ConfigMaps in which the limits of the known locks stand.
    pub fn config_maps(&self) -> BTreeSet<Address> {
        let locks = self.recorded().into_iter();
        let of = |lock: LockName| match lock.kind {
            LockKind::ConfigMap { name, .. } => Some((lock.namespace, name)),
            _ => None,
        };
        locks.filter_map(of).collect()
    }

    /// The instances of the controller that serve those who have to do with a lock.
    pub fn instances(&self, lock: &LockName) -> BTreeSet<Option<&str>> {
        let with = self.workflows.values().filter(|seen| !seen.drains && seen.recorded.names(lock));
        with.map(|seen| seen.instance.as_deref()).collect()
    }

    /// All locks, by their names.
    pub fn locks(&self) -> Vec<Lock> {
        let names: BTreeSet<LockName> = self.recorded().into_iter().chain(self.limits.keys().cloned()).collect();
        names.into_iter().map(|name| self.lock(name)).collect()
    }

    /// One lock, also one that nobody has named.
    pub fn lock(&self, name: LockName) -> Lock {
        let (limit, drained, branches) = self.limit(&name);
        let queue = self.queue(&name);
        Lock { holders: self.holders(&name, &limit, &queue), queue, name, limit, drained, branches }
    }

    fn limit(&self, name: &LockName) -> (Limit, Option<Drained>, Vec<String>) {
        if let Some(told) = self.limits.get(name) {
            return told.clone();
        }
        let limit = match &name.kind {
            LockKind::Mutex(_) => Limit::Of(1),
            LockKind::Database(_) => Limit::Unknown,
            LockKind::ConfigMap { name: map, .. } => {
                match self.config_maps.get(&(name.namespace.clone(), map.clone())) {
                    Some(true) => Limit::MissingKey,
                    Some(false) => Limit::MissingConfigMap,
                    None => Limit::Unknown,
                }
            }
        };
        (limit, None, Vec::new())
    }

    fn recorded(&self) -> BTreeSet<LockName> {
        let of = |seen: &Seen| {
            let held = seen.recorded.holding.iter().map(|(lock, _)| lock.clone());
            let live = !seen.ended;
            let awaited = seen.recorded.waiting.iter().filter(move |_| live).map(|waiting| waiting.lock.clone());
            held.chain(awaited).collect::<Vec<_>>()
        };
        self.workflows.values().flat_map(of).collect()
    }

    /// Those who say so themselves. Whom others name may have left long ago: a waiter is told of holders only when the
    /// controller looks at it. One who is no more counts where the others leave a place, which would else be taken.
    fn holders(&self, lock: &LockName, limit: &Limit, queue: &[Waiter]) -> Vec<Holding> {
        let own = self.workflows.values().flat_map(|seen| &seen.recorded.holding).filter(|(name, _)| name == lock);
        let mut holders: BTreeMap<Holder, Holding> =
            own.map(|(_, holder)| (holder.clone(), self.holding(holder))).collect();
        let live = holders.values().filter(|holding| !holding.standing.is_orphaned()).count();
        if limit.number().is_some_and(|limit| i64::try_from(live).is_ok_and(|live| live >= limit)) {
            return holders.into_values().collect();
        }
        let seen = queue.iter().filter_map(|waiter| self.workflows.get(&address(&waiter.holder)));
        let waiting = seen.flat_map(|seen| &seen.recorded.waiting);
        for holder in waiting.filter(|waiting| waiting.lock == *lock).flat_map(|waiting| &waiting.held_by) {
            let holding = self.holding(holder);
            let ended = self.workflows.get(&address(holder)).is_some_and(|seen| seen.ended);
            // Of a live workflow its own word counts.
            if holding.standing == Standing::Gone || ended {
                holders.entry(holder.clone()).or_insert(holding);
            }
        }
        holders.into_values().collect()
    }

    fn holding(&self, holder: &Holder) -> Holding {
        let Some(seen) = self.workflows.get(&address(holder)) else {
            let gone = self.gone.contains(&address(holder));
            let standing = if gone { Standing::Gone } else { Standing::Live { phase: "Unknown".to_owned() } };
            return Holding { holder: holder.clone(), node_name: None, standing, drains: false };
        };
        let node = holder.node.as_ref().and_then(|id| seen.nodes.get(id));
        let standing = match node.and_then(|node| node.ended.clone()) {
            Some(phase) => Standing::Ended { phase },
            None if seen.ended => Standing::Ended { phase: seen.phase.clone() },
            None => Standing::Live { phase: seen.phase.clone() },
        };
        Holding { holder: holder.clone(), node_name: node.map(|node| node.name.clone()), standing, drains: seen.drains }
    }

    fn queue(&self, lock: &LockName) -> Vec<Waiter> {
        let live = self.workflows.iter().filter(|(_, seen)| !seen.ended);
        let mut queue: Vec<Waiter> = live.flat_map(|(address, seen)| seen.waiters(address, lock)).collect();
        // What it waited for may stand beside what it has got.
        let holds = |waiter: &Waiter| {
            let seen = self.workflows.get(&address(&waiter.holder));
            seen.is_some_and(|seen| seen.recorded.holding.iter().any(|(name, of)| name == lock && *of == waiter.holder))
        };
        queue.retain(|waiter| !holds(waiter));
        queue.sort_by(Waiter::cmp);
        queue
    }
}

fn address(holder: &Holder) -> Address {
    (holder.namespace.clone(), holder.workflow.clone())
}

/// The label that names the controller that a workflow is for.
pub const INSTANCE: &str = "workflows.argoproj.io/controller-instanceid";

impl Seen {
    /// Itself or its nodes that wait for the lock.
    fn waiters(&self, (namespace, workflow): &Address, lock: &LockName) -> Vec<Waiter> {
        if !self.recorded.waiting.iter().any(|waiting| waiting.lock == *lock) {
            return Vec::new();
        }
        let waiter = |node: Option<(&String, &SeenNode)>| Waiter {
            holder: Holder {
                namespace: namespace.clone(),
                workflow: workflow.clone(),
                node: node.map(|(id, _)| id.clone()),
            },
            node_name: node.map(|(_, node)| node.name.clone()),
            priority: self.priority,
            created: self.created.clone(),
            within: node.map(|(_, node)| node.within.clone()).unwrap_or_default(),
            drains: self.drains,
        };
        let mut waiting = self.nodes.iter().filter(|(_, node)| node.waiting.is_some()).peekable();
        // A node that waits for several locks names one of them. One that gave up leaves its lock in the status.
        let nobody = self.whole && self.phase == "Running" && waiting.peek().is_none();
        let nodes: Vec<Waiter> =
            waiting.filter(|(_, node)| node.waiting.as_ref() == Some(lock)).map(|node| waiter(Some(node))).collect();
        match (nodes.is_empty(), nobody) {
            (true, false) => vec![waiter(None)],
            _ => nodes,
        }
    }
}

impl Waiter {
    /// As the controller's queue has it; those of one workflow by their ids.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_priority = other.priority.cmp(&self.priority);
        by_priority.then_with(|| self.created.cmp(&other.created)).then_with(|| self.holder.cmp(&other.holder))
    }
}

fn seen_nodes(workflow: &Value, nodes: &Nodes, recorded: &Recorded) -> HashMap<String, SeenNode> {
    let holding: BTreeSet<&str> = recorded.holding.iter().filter_map(|(_, holder)| holder.node.as_deref()).collect();
    let by_id: HashMap<&str, &Node> = nodes.all.iter().map(|node| (node.id.as_str(), node)).collect();
    let mask = Mask::of(workflow, &nodes.all);
    let waiting = |node: &Node| {
        let waits = node.synchronization_status.as_ref().filter(|_| !node.phase.is_fulfilled())?;
        waits.waiting.parse::<LockName>().ok()
    };
    let seen = nodes.all.iter().filter_map(|node| {
        let waiting = waiting(node);
        (waiting.is_some() || holding.contains(node.id.as_str())).then(|| {
            let ended = Some(node.phase).filter(|phase| phase.is_fulfilled()).map(Phase::as_str).map(str::to_owned);
            let node_seen = SeenNode { name: mask.text(&node.name), ended, waiting, within: within(node, &by_id) };
            (node.id.clone(), node_seen)
        })
    });
    seen.collect()
}

/// The ids of the nodes that a node stands within.
fn within(node: &Node, by_id: &HashMap<&str, &Node>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut at = node.boundary_id.as_deref();
    while let Some(id) = at.filter(|id| !found.iter().any(|seen| seen == id)) {
        found.push(id.to_owned());
        at = by_id.get(id).and_then(|node| node.boundary_id.as_deref());
    }
    found
}
