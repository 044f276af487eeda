//! One verb a file: its arguments, its help with examples, a short run.

use crate::exit::Exit;

/// Runs the command that the process arguments name.
pub fn run() -> Exit {
    Exit::Usage
}
