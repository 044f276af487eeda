//! One verb a file: its arguments, its help with examples, a short run.

use crate::exit::Exit;
use crate::local::sandbox;

/// Runs the command that the process arguments name.
pub fn run() -> Exit {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|verb| verb == sandbox::VERB) {
        return sandbox::task_entry(arguments);
    }
    Exit::Usage
}
