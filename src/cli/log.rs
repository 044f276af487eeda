//! Logging to standard error. This module only chooses levels and targets. No line may hold a secret, so spans name
//! objects and never their contents.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::output::stream::stderr_colors;

/// The variables that choose what is logged; the first valid one wins.
const VARIABLES: [&str; 2] = ["RUNNABLE_LOG", "RUST_LOG"];

/// Starts logging, as configured by a variable, else by the number of `-v`.
pub(super) fn start(verbosity: u8) {
    let chosen = VARIABLES.iter().find_map(|variable| EnvFilter::try_from_env(variable).ok());
    let filter = chosen.unwrap_or_else(|| EnvFilter::new(directives(verbosity)));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
        .with_writer(std::io::stderr)
        .with_ansi(stderr_colors())
        .without_time()
        .init();
}

/// The client library is silenced below `-vv`: it warns of failures that the program itself explains or retries.
fn directives(verbosity: u8) -> &'static str {
    match verbosity {
        0 => "warn,kube_client=off",
        1 => "warn,kube_client=off,kubectl_runnable=debug",
        _ => "debug,kubectl_runnable=trace",
    }
}
