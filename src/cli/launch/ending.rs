//! What is said of a local run that has ended.

use jiff::Timestamp;

use super::Launch;
use crate::cli::follow::{End, ending};
use crate::output::stream::{self, StreamError, talk};
use crate::output::tree::{self, Look};

/// Siblings shown in the tree of a run that has ended.
const FOLD: usize = 20;

/// The tree on standard output unless another format was asked for; what failed, and what to do next, on standard error.
pub(super) fn tell(launch: &Launch<'_>, end: &End) -> Result<(), StreamError> {
    if launch.output.is_none() {
        let mask = end.state.mask();
        let nodes = mask.nodes(&end.state.nodes.all);
        let look = Look::of_stdout(Some(FOLD), Timestamp::now());
        stream::result(format_args!("{}{}\n", tree::draw(&nodes, look), ending(&end.state)))?;
    }
    if !launch.quiet {
        end.tell();
        if !end.failures.is_failure {
            talk(format_args!("logs: {}", end.failures.address.command("logs", &[])));
        }
    }
    Ok(())
}
