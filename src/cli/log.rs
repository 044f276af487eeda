//! What the program logs to standard error. Only levels and targets are chosen here: no line may hold a secret, so spans
//! name objects and never their contents.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::output::stream::stderr_colors;

/// The variables that choose what is logged, the first that is set.
const VARIABLES: [&str; 2] = ["RUNNABLE_LOG", "RUST_LOG"];

/// Starts logging: what a variable says, else by how often `-v` was given.
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

/// The client library warns of failures that the program itself explains or overcomes.
fn directives(verbosity: u8) -> &'static str {
    match verbosity {
        0 => "warn,kube_client=off",
        1 => "warn,kube_client=off,kubectl_runnable=debug",
        _ => "debug,kubectl_runnable=trace",
    }
}
