//! Measurements, each beside a peer in the same run: `cargo bench`, or `cargo bench -- documents` for one subject. Prints
//! a table; fails nothing. The subjects `cluster`, `stores` and `large` take the servers that tests/run builds.

#[path = "../support/kubernetes/mod.rs"]
mod kubernetes;
#[path = "../stores/server.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "tests use the rest; a server that does not start ends the bench")]
mod store_server;
#[path = "../support/mod.rs"]
mod support;

mod cache;
mod cluster;
mod documents;
mod exec;
mod lint;
mod local;
mod measure;
mod start;
#[expect(clippy::unwrap_used, reason = "a measurement that cannot be made ends the bench")]
mod stores;
#[expect(clippy::unwrap_used, reason = "a measurement that cannot be made ends the bench")]
mod worktree;

use self::kubernetes::{ports, supervised};

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Subjects that take minutes: only when they are asked for.
const LONG: [&str; 2] = ["large", "worktree"];

/// The name of a file of this folder, and its measurements.
type Subject = (&'static str, &'static [fn()]);

const SUBJECTS: [Subject; 10] = [
    ("start", &[start::start]),
    ("documents", &[documents::read, documents::prepared]),
    ("lint", &[lint::added, lint::large, lint::many]),
    ("local", &[local::scheduled, local::fan_out, local::retried, local::graph, local::growth]),
    ("cache", &[cache::config_map, cache::grown, cache::store]),
    ("exec", &[exec::hashed]),
    ("cluster", &[cluster::created, cluster::shown, cluster::resumed, cluster::large]),
    ("stores", &[stores::hit, stores::progress]),
    ("large", &[stores::large]),
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
