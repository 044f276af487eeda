//! The `kubectl-runnable` executable: everything is in the library.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A document is thousands of small objects.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    kubectl_runnable::run()
}
