//! The `kubectl-runnable` executable: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_runnable::run().into()
}
