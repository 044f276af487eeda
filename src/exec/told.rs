//! What a session says: to the user, and in the manifest of who made the entry.

use std::time::Duration;

use jiff::SignedDuration;

use crate::cache::Holder;

/// Who makes an entry, as the manifest tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Maker {
    /// The id of the node, or of this process.
    pub(crate) node_id: String,
    /// The full name of the node, or the machine.
    pub(crate) node_name: String,
    /// The template that the node calls, where it is one.
    pub(crate) template: String,
    /// The uid of the workflow, where there is one.
    pub(crate) workflow_uid: String,
    /// The run's id, where there is one.
    pub(crate) run_id: String,
}

/// What the user hears.
#[derive(Debug)]
pub(crate) enum Told {
    /// The entry was used.
    Hit {
        /// Who made it.
        maker: String,
        /// How long ago.
        age: SignedDuration,
    },
    /// Somebody else makes the entry.
    Waiting {
        /// Who, where that is known.
        holder: Option<Holder>,
        /// For how long this process has waited.
        waited: Duration,
    },
    /// Something that does not end the command.
    Warning(String),
}
