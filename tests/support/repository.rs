//! A served repository, a root for worktrees, and git to compare with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::environment::Environment;
use super::output::Output;

/// A served repository and a root for worktrees that does not exist yet.
pub(crate) struct Repository {
    environment: Environment,
    /// The commit of `refs/heads/main`.
    pub(crate) main: String,
}

impl Repository {
    /// Two files and a link in several directories, a tag, and the heads `main`, `side` and `pull/7`.
    pub(crate) fn new() -> Self {
        let mut repository = Self { environment: Environment::new(), main: String::new() };
        repository.fill();
        repository.main = repository.commit("main");
        repository
    }

    fn fill(&self) {
        let source = self.source();
        std::fs::create_dir_all(source.join("dir")).unwrap();
        std::fs::create_dir_all(source.join("other")).unwrap();
        self.git(&source, &["init", "-q", "-b", "main"]);
        for (name, text) in [
            ("plain.txt", "plain\n"),
            ("dir/run.sh", "#!/bin/sh\n"),
            ("other/file.txt", "other\n"),
            ("crlf.txt", "one\ntwo\n"),
            (".gitattributes", "crlf.txt text eol=crlf\n"),
        ] {
            std::fs::write(source.join(name), text).unwrap();
        }
        std::os::unix::fs::symlink("dir/run.sh", source.join("link")).unwrap();
        self.git(&source, &["add", "-A"]);
        self.git(&source, &["update-index", "--chmod=+x", "dir/run.sh"]);
        self.git(&source, &["commit", "-qm", "First"]);
        self.git(&source, &["tag", "-a", "v1", "-m", "v1"]);

        for (number, name) in ["refs/heads/side", "refs/pull/7/head", "refs/heads/main"].into_iter().enumerate() {
            std::fs::write(source.join("plain.txt"), format!("plain {number}\n")).unwrap();
            self.git(&source, &["commit", "-qam", name]);
            self.git(&source, &["update-ref", name, "HEAD"]);
        }
        self.git(&source, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    }

    pub(crate) fn directory(&self) -> &Path {
        self.environment.directory()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.environment.path(name)
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.path("source")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.source().display())
    }

    /// The object id of a name in the served repository.
    pub(crate) fn commit(&self, name: &str) -> String {
        self.git(&self.source(), &["rev-parse", "--verify", name])
    }

    /// Git's standard output without the newline; only queries may fail.
    pub(crate) fn git(&self, directory: &Path, arguments: &[&str]) -> String {
        let mut command = self.environment.other("git");
        let output = command.arg("-C").arg(directory).args(arguments).output().unwrap();
        let is_question = arguments.contains(&"-q") && arguments[0] == "symbolic-ref";
        assert!(output.status.success() || is_question, "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Runs `worktree init` for the served repository in the root.
    pub(crate) fn init(&self, arguments: &[&str]) -> Output {
        Output::of(&mut self.command(arguments))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let (url, root) = (self.url(), self.root());
        let own = ["worktree", "init", "--url", &url, "--root", root.to_str().unwrap()];
        let mut command = self.program();
        command.args(own).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `worktree` with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Output::of(self.program().arg("worktree").args(arguments))
    }

    pub(crate) fn program(&self) -> Command {
        self.environment.command([] as [&str; 0])
    }

    /// A command of another program.
    pub(crate) fn shell(&self, words: &[&str]) -> Command {
        let mut command = self.environment.other(words[0]);
        command.args(&words[1..]);
        command
    }
}
