//! Measurements, each beside a peer in the same run: `cargo bench`, or `cargo bench -- documents` for one subject. Prints
//! a table; fails nothing. The subject `cluster` takes the API server that tests/run builds.

#[path = "../support/kubernetes/mod.rs"]
mod kubernetes;
#[path = "../support/mod.rs"]
mod support;

mod cache;
mod cluster;
mod documents;
mod lint;
mod local;
mod measure;
mod start;
#[expect(clippy::unwrap_used, reason = "a measurement that cannot be made ends the bench")]
mod worktree;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Subjects that take minutes: only when they are asked for.
const LONG: [&str; 1] = ["worktree"];

/// The name of a file of this folder, and its measurements.
type Subject = (&'static str, &'static [fn()]);

const SUBJECTS: [Subject; 7] = [
    ("start", &[start::start]),
    ("documents", &[documents::read, documents::prepared]),
    ("lint", &[lint::added, lint::large, lint::many]),
    ("local", &[local::scheduled, local::fan_out, local::retried, local::graph, local::growth]),
    ("cache", &[cache::config_map, cache::grown, cache::store]),
    ("cluster", &[cluster::created, cluster::shown, cluster::resumed, cluster::large]),
    ("worktree", &[worktree::init]),
];

fn main() {
    // Cargo adds --bench.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for name in &asked {
        assert!(SUBJECTS.iter().any(|(subject, _)| subject == name), "no subject {name}: {}", names());
    }
    measure::header();
    for (subject, measurements) in SUBJECTS {
        if (asked.is_empty() && !LONG.contains(&subject)) || asked.iter().any(|name| name == subject) {
            for measure in measurements {
                measure();
            }
        }
    }
}

fn names() -> String {
    SUBJECTS.map(|(subject, _)| subject).join(", ")
}
