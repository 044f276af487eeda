//! `worktree init` over a warm base beside `git clone --depth=1` and `git worktree add`, on a repository of 20,000 files
//! and 200 commits that git's own backend serves over HTTP. Takes minutes, so it runs only when it is asked for. Nothing
//! is removed between the rounds: on ext4 a checkout soon after a removal costs many times as much.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use assert_fs::TempDir;

use crate::measure::{ROUNDS, row, succeed};
use crate::support::PROGRAM;
use crate::support::git_server::GitServer;

const FILES: usize = 20_000;
const COMMITS: usize = 200;
/// Of each kind at once, and how often.
const AT_ONCE: usize = 20;
const ROUNDS_AT_ONCE: usize = 3;

/// Runs a command so many times at once, `{}` in its words for the number, and prints what that cost: seconds, seconds of
/// CPU, and KiB of the largest process.
const METER: &str = "import resource, subprocess, sys, time
count, first, words = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
begun = time.monotonic()
children = [subprocess.Popen([word.replace('{}', str(first + at)) for word in words],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for at in range(count)]
codes = [child.wait() for child in children]
took = time.monotonic() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
assert not any(codes), codes
print(took, used.ru_utime + used.ru_stime, used.ru_maxrss)";

/// What a round cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    took: Duration,
    cpu: Duration,
    memory_kib: u64,
    received: u64,
}

struct Site {
    directory: TempDir,
    server: GitServer,
    /// Worktrees and clones that there are.
    made: usize,
}

pub(crate) fn init() {
    let mut site = Site::new();
    site.run(1, &Site::init);
    let (mut inits, mut clones, mut adds) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        inits.push(site.run(1, &Site::init));
        clones.push(site.run(1, &Site::clone));
        adds.push(site.run(1, &Site::add));
    }
    let inits = told("worktree init, warm", &inits);
    let clones = told("git clone --depth=1", &clones);
    let adds = told("git worktree add", &adds);
    let (mut inits_at_once, mut clones_at_once) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS_AT_ONCE {
        inits_at_once.push(site.run(AT_ONCE, &Site::init));
        clones_at_once.push(site.run(AT_ONCE, &Site::clone));
    }
    let inits_at_once = told(&format!("{AT_ONCE} worktree inits at once"), &inits_at_once);
    let clones_at_once = told(&format!("{AT_ONCE} clones at once"), &clones_at_once);
    row("worktree init, against git clone --depth=1", inits, clones);
    row("worktree init, against git worktree add", inits, adds);
    row(&format!("{AT_ONCE} inits at once, against {AT_ONCE} clones"), inits_at_once, clones_at_once);
}

/// Prints the medians, and gives that of the time.
fn told(what: &str, costs: &[Cost]) -> Duration {
    let rounds = costs.len();
    let median = |of: &dyn Fn(&Cost) -> u128| {
        let mut values: Vec<u128> = costs.iter().map(of).collect();
        values.sort_unstable();
        values[rounds / 2]
    };
    let took = Duration::from_millis(u64::try_from(median(&|cost| cost.took.as_millis())).unwrap_or(u64::MAX));
    println!(
        "  {what}: {took:.2?}, CPU {} ms, {} KiB in the largest process, {} bytes received, {rounds} rounds",
        median(&|cost| cost.cpu.as_millis()),
        median(&|cost| cost.memory_kib.into()),
        median(&|cost| cost.received.into()),
    );
    took
}

impl Site {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let source = directory.path().join("source.git");
        succeed(Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(&source));
        import(&source);
        succeed(Command::new("git").args(["config", "uploadpack.allowAnySHA1InWant", "true"]).current_dir(&source));
        let server = GitServer::start(directory.path(), None);
        Self { directory, server, made: 0 }
    }

    fn url(&self) -> String {
        format!("{}/source.git", self.server.origin)
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn run(&mut self, count: usize, words: &dyn Fn(&Self) -> Vec<String>) -> Cost {
        let before = self.server.sent();
        let mut meter = Command::new("python3");
        meter.args(["-c", METER, &count.to_string(), &self.made.to_string()]).args(words(self));
        let output = meter.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{meter:?}");
        self.made += count;
        let text = String::from_utf8(output.stdout).unwrap();
        let figures: Vec<f64> = text.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
        Cost {
            took: Duration::from_secs_f64(figures[0]),
            cpu: Duration::from_secs_f64(figures[1]),
            memory_kib: text.split_whitespace().nth(2).unwrap().parse().unwrap(),
            received: self.server.sent() - before,
        }
    }

    fn init(&self) -> Vec<String> {
        let (url, root) = (self.url(), self.root().display().to_string());
        let words = [PROGRAM, "worktree", "init", "-q", "--url", &url, "--root", &root, "--task-id", "t{}"];
        words.map(str::to_owned).to_vec()
    }

    fn clone(&self) -> Vec<String> {
        let place = self.directory.path().join("clone-{}").display().to_string();
        ["git", "clone", "-q", "--depth=1", &self.url(), &place].map(str::to_owned).to_vec()
    }

    fn add(&self) -> Vec<String> {
        let (base, place) = (self.root().join("base"), self.directory.path().join("add-{}"));
        let (base, place) = (base.display().to_string(), place.display().to_string());
        let words = ["git", "-C", &base, "worktree", "add", "-q", "--detach", &place, "refs/remotes/origin/main"];
        words.map(str::to_owned).to_vec()
    }
}

/// Writes the history: all files in the first commit, then a hundred changed in each.
fn import(source: &Path) {
    let mut git = Command::new("git");
    let mut git = git.args(["fast-import", "--quiet"]).current_dir(source).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = std::io::BufWriter::new(git.stdin.take().unwrap());
    for commit in 0..COMMITS {
        let (step, first) = if commit == 0 { (1, 0) } else { (COMMITS, commit) };
        let mut text =
            format!("commit refs/heads/main\ncommitter Bench <bench@example.org> {commit} +0000\ndata 1\nx\n");
        for file in (first..FILES).step_by(step) {
            let body = body(file, commit);
            let _ = writeln!(
                text,
                "M 100644 inline dir{}/sub{}/file{file}.txt\ndata {}\n{body}",
                file % 20,
                file % 200,
                body.len()
            );
        }
        input.write_all(text.as_bytes()).unwrap();
    }
    drop(input);
    assert!(git.wait().unwrap().success());
}

/// About 1.5 kB that no other file has.
fn body(file: usize, commit: usize) -> String {
    let mut seed = (file * COMMITS + commit) as u64;
    let mut text = String::new();
    for _ in 0..60 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let _ = writeln!(text, "line {seed:020}");
    }
    text
}
