//! What ends the whole run before its work is done: somebody's order, or its deadline. Pure.

use super::Shutdown;

/// Whether the run is to end, and by what.
#[derive(Debug, Default)]
pub(super) struct Stop {
    shutdown: Option<Shutdown>,
    /// The document itself says so: nodes are begun all the same, and pods are refused.
    from_the_start: bool,
    expired: bool,
}

impl Stop {
    pub(super) fn shut_down(&mut self, shutdown: Shutdown) {
        self.shutdown = Some(shutdown);
    }

    /// The order that stands in a workflow's document. (workflow/controller/workflowpod.go, createWorkflowPod)
    pub(super) fn shut_down_from_the_start(&mut self, shutdown: Shutdown) {
        *self = Self { shutdown: Some(shutdown), from_the_start: true, ..Self::default() };
    }

    /// Whether a steps or dag node begins nothing more.
    pub(super) fn begins_nothing(&self, on_exit: bool) -> bool {
        !self.from_the_start && self.was_ordered(on_exit)
    }

    pub(super) fn expire(&mut self) {
        self.expired = true;
    }

    pub(super) fn shutdown(&self) -> Option<Shutdown> {
        self.shutdown
    }

    /// Whether exit handlers do not run either.
    pub(super) fn is_termination(&self) -> bool {
        self.shutdown == Some(Shutdown::Terminate)
    }

    /// Whether the workflow's deadline has come for what is not part of an exit handler.
    pub(super) fn has_expired(&self, on_exit: bool) -> bool {
        self.expired && !on_exit
    }

    /// Whether somebody ended the run, and with it what is part of an exit handler or not.
    pub(super) fn was_ordered(&self, on_exit: bool) -> bool {
        match self.shutdown {
            None => false,
            Some(Shutdown::Terminate) => true,
            Some(Shutdown::Stop) => !on_exit,
        }
    }

    /// Whether the run ends, by whatever.
    pub(super) fn ends(&self, on_exit: bool) -> bool {
        self.was_ordered(on_exit) || self.has_expired(on_exit)
    }

    /// Why a pod ends with the run.
    pub(super) fn of_pod(&self) -> String {
        match self.shutdown {
            Some(shutdown) if self.from_the_start => format!("workflow shutdown with strategy: {}", shutdown.as_str()),
            Some(shutdown) => format!("workflow shutdown with strategy:  {}", shutdown.as_str()),
            None => "Step exceeded its deadline".to_owned(),
        }
    }

    /// Why the run ends, and a node with it that asks for its next step.
    pub(super) fn of_run(&self) -> String {
        format!("Stopped with strategy '{}'", self.shutdown.unwrap_or(Shutdown::Stop).as_str())
    }

    /// Why a node ends with the run that has not begun its work.
    pub(super) fn of_unstarted(&self) -> String {
        if self.shutdown.is_some() { self.of_run() } else { self.of_pod() }
    }
}
