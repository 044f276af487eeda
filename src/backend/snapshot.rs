//! A run at one instant.

use serde_json::Value;

use crate::argo::status::Node;
use crate::argo::{Nodes, Workflow};
use crate::local::late_nodes::LateNodes;
use crate::local::record::{Record, RecordError};
use crate::mask::Mask;
use crate::report::summary::Summary;

/// A run at one instant.
#[derive(Debug)]
pub struct Snapshot {
    /// The Workflow object.
    pub workflow: Workflow,
    /// Its nodes.
    pub(crate) nodes: Nodes,
    /// Whether the run can go no further by itself: a local run whose process is gone before its end.
    pub(crate) killed: bool,
    /// Values of Secrets that it was given, where they are known.
    pub(crate) secrets: Vec<String>,
}

impl Snapshot {
    /// A local run as its directory tells it.
    pub(crate) fn of_record(record: &Record) -> Result<Self, RecordError> {
        Self::read(record, Record::workflow)
    }

    /// The end of a run: its object without nodes, and these.
    pub(crate) fn of_end(workflow: Workflow, nodes: Vec<Node>, secrets: Vec<String>) -> Self {
        Self { nodes: Nodes::beside(&workflow, nodes), workflow, killed: false, secrets }
    }

    /// The same without its nodes, which takes a small part of the time.
    pub(crate) fn head_of(record: &Record) -> Result<Self, RecordError> {
        Self::read(record, Record::head)
    }

    fn read(record: &Record, read: fn(&Record) -> Result<Value, RecordError>) -> Result<Self, RecordError> {
        let (workflow, killed) = Self::object_of(record, read)?;
        Ok(Self { killed, ..Self::from(workflow) })
    }

    /// The object of a local run as a retry sees it, as [`Snapshot::settled`] gives it; its nodes are not read one by one.
    pub(super) fn settled_of(record: &Record) -> Result<Workflow, RecordError> {
        let (workflow, killed) = Self::object_of(record, Record::workflow)?;
        Ok(settled(workflow, killed))
    }

    /// The same without its nodes.
    pub(super) fn settled_head_of(record: &Record) -> Result<Workflow, RecordError> {
        let (workflow, killed) = Self::object_of(record, Record::head)?;
        Ok(settled(workflow, killed))
    }

    /// The same of a run that has ended, and its nodes beside it; none where it has not.
    pub(super) fn settled_end_of(record: &Record) -> Option<(Workflow, LateNodes)> {
        let (workflow, nodes) = record.end()?;
        Some((workflow.into(), nodes))
    }

    fn object_of(
        record: &Record,
        read: fn(&Record) -> Result<Value, RecordError>,
    ) -> Result<(Workflow, bool), RecordError> {
        // The lock is looked at before the files are: a process that ends in between has written all it knows, and is not
        // taken for one that was killed.
        let live = record.is_live();
        let workflow = Workflow::from(read(record)?);
        let killed = !live && !workflow.has_ended();
        Ok((workflow, killed))
    }

    /// The workflow's name.
    pub(crate) fn name(&self) -> &str {
        self.workflow.name()
    }

    /// The workflow's phase; Pending where it has none yet.
    pub(crate) fn phase(&self) -> &str {
        self.workflow.phase()
    }

    /// What must not be read of it.
    pub(crate) fn mask(&self) -> Mask {
        Mask::hiding(&self.workflow, &self.nodes.all, &self.secrets)
    }

    /// What it tells.
    pub(crate) fn summary(&self) -> Summary {
        let summary = Summary::of(&self.workflow, &self.nodes);
        if self.killed { summary.killed() } else { summary }
    }

    /// The object with compressed nodes written out, and with what it tells in `summary`.
    pub(crate) fn object(self) -> Value {
        let summary = self.summary();
        // Not kept beside the nodes that are written out: there may be very many.
        drop(self.nodes);
        let mut object = self.workflow.written_out().into_value();
        if let (Some(object), Ok(summary)) = (object.as_object_mut(), serde_json::to_value(summary)) {
            object.insert("summary".to_owned(), summary);
        }
        object
    }

    /// The object as a retry sees it: a run whose process was killed has ended in Error, whatever it said last.
    pub(crate) fn settled(self) -> Workflow {
        settled(self.workflow, self.killed)
    }
}

fn settled(mut workflow: Workflow, killed: bool) -> Workflow {
    if killed {
        workflow.set_phase("Error");
    }
    workflow
}

impl From<Value> for Snapshot {
    fn from(object: Value) -> Self {
        Workflow::from(object).into()
    }
}

impl From<Workflow> for Snapshot {
    fn from(workflow: Workflow) -> Self {
        Self { nodes: workflow.nodes(), workflow, killed: false, secrets: Vec::new() }
    }
}
