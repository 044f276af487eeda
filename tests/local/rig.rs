//! A run directory and an executor for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_fs::TempDir;
use kubectl_runnable::testing::local::executor::Executor;
use kubectl_runnable::testing::local::kill::{Kill, kill_switch};
use kubectl_runnable::testing::local::task::{
    ArtifactSource, InputArtifact, Mount, Outcome, OutputArtifact, OutputParameter, Process, Pull, Security, Task,
};
use kubectl_runnable::testing::local::view::View;
use tokio::runtime::Runtime;

use crate::support::PROGRAM;
use crate::support::wait::until;

/// Names a copy of the executable that another user may run.
pub(crate) const EXECUTABLE_VARIABLE: &str = "RUNNABLE_TEST_EXECUTABLE";

fn executable() -> PathBuf {
    std::env::var_os(EXECUTABLE_VARIABLE).map_or_else(|| PROGRAM.into(), PathBuf::from)
}

pub(crate) struct Rig {
    pub(crate) directory: TempDir,
    pub(crate) view: View,
    pub(crate) executor: Executor,
    runtime: Runtime,
}

/// The views of this host that isolate; each test of isolation runs in all of them.
pub(crate) fn isolating_views() -> Vec<View> {
    let best = Rig::best().view.clone();
    assert!(!matches!(best, View::Plain(_)), "these tests need a host that allows namespaces: {best:?}");
    if best == View::Overlay { vec![View::Overlay, View::Bind] } else { vec![best] }
}

pub(crate) fn all_views() -> Vec<View> {
    let mut views = isolating_views();
    views.push(View::Plain("asked for".to_owned()));
    views
}

impl Rig {
    pub(crate) fn new(view: View) -> Self {
        let directory = TempDir::new().unwrap();
        let executor = Executor::new(directory.path(), view.clone(), &executable());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { directory, view, executor, runtime }
    }

    pub(crate) fn best() -> Self {
        let scratch = TempDir::new().unwrap();
        Self::new(View::detect(&executable(), scratch.path()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    #[must_use]
    pub(crate) fn run(&self, task: Task) -> Outcome {
        self.runtime.block_on(self.executor.run(task, Kill::never()))
    }

    /// Runs tasks at once.
    #[must_use]
    pub(crate) fn run_all(&self, tasks: Vec<Task>) -> Vec<Outcome> {
        let running = tasks.into_iter().map(|task| self.executor.run(task, Kill::never()));
        self.runtime.block_on(futures::future::join_all(running))
    }

    /// Kills the task when its log holds `word`.
    #[must_use]
    pub(crate) fn kill_at(&self, word: &str, grace: Duration, task: Task) -> Outcome {
        let (switch, kill) = kill_switch();
        let log = self.log_path(&task, "main");
        self.runtime.block_on(async {
            let running = self.executor.run(task, kill);
            let killing = async {
                written(&log, word).await;
                switch.kill("asked to", grace);
            };
            futures::future::join(running, killing).await.0
        })
    }

    /// Runs the task until its log holds `word`, then drops it as an engine that dies does.
    pub(crate) fn abandon_at(&self, word: &str, task: Task) {
        let log = self.log_path(&task, "main");
        self.runtime.block_on(async {
            tokio::select! {
                outcome = self.executor.run(task, Kill::never()) => panic!("ended: {outcome:?}"),
                () = written(&log, word) => {}
            }
        });
    }

    pub(crate) fn log_path(&self, task: &Task, process: &str) -> PathBuf {
        self.executor.node_directory(&task.node).join(format!("{process}.log"))
    }

    pub(crate) fn log(&self, node: &str, process: &str) -> String {
        fs::read_to_string(self.executor.node_directory(node).join(format!("{process}.log"))).unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.runtime.block_on(self.executor.end(false));
    }
}

/// Returns once a log holds a word.
async fn written(log: &Path, word: &str) {
    until(word, async || fs::read_to_string(log).is_ok_and(|text| text.contains(word)).then_some(())).await;
}

pub(crate) fn sh(name: &str, script: &str) -> Process {
    Process {
        name: name.to_owned(),
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        script: None,
        env: Vec::new(),
        working_directory: None,
        dependencies: Vec::new(),
        security: Security::default(),
        image: "busybox".to_owned(),
        user: None,
        stands_for_image: false,
        pull: Pull::default(),
    }
}

pub(crate) fn task(node: &str, script: &str) -> Task {
    Task { node: node.to_owned(), main: vec![sh("main", script)], capture_result: true, ..Task::default() }
}

pub(crate) fn result_of(outcome: &Outcome) -> &str {
    assert_eq!(outcome.error, None);
    outcome.result.as_deref().unwrap_or_default()
}

pub(crate) fn raw(path: &str, text: &str, mode: Option<u32>) -> InputArtifact {
    input(path, ArtifactSource::Raw(text.to_owned()), mode)
}

pub(crate) fn input(path: &str, source: ArtifactSource, mode: Option<u32>) -> InputArtifact {
    InputArtifact { name: "in".to_owned(), path: path.into(), source, mode, recurse_mode: false }
}

pub(crate) fn parameter(path: &str, default: Option<&str>) -> OutputParameter {
    OutputParameter { name: "value".to_owned(), path: path.into(), default: default.map(str::to_owned) }
}

pub(crate) fn output(path: &str, store: PathBuf) -> OutputArtifact {
    OutputArtifact { name: "out".to_owned(), path: path.into(), store, optional: false, upload: None }
}

pub(crate) fn mount(source: PathBuf, target: &str, read_only: bool) -> Mount {
    Mount { source, sub_path: PathBuf::new(), target: target.into(), read_only }
}
