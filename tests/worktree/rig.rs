//! A repository that a test serves, a root of its own for worktrees, and git to judge by.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assert_fs::TempDir;

/// A served repository and a root that does not exist yet.
pub(crate) struct Rig {
    pub(crate) directory: TempDir,
    /// The commit of `refs/heads/main`.
    pub(crate) main: String,
}

/// How a command ended.
#[must_use]
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) result: String,
    pub(crate) talk: String,
}

impl Done {
    /// The result, of a command that succeeded.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.result, self.talk);
        self.result
    }
}

impl Rig {
    pub(crate) fn new() -> Self {
        let mut rig = Self { directory: TempDir::new().unwrap(), main: String::new() };
        let source = rig.source();
        std::fs::create_dir_all(source.join("dir")).unwrap();
        std::fs::create_dir_all(source.join("other")).unwrap();
        rig.git(&source, &["init", "-q", "-b", "main"]);
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
        rig.git(&source, &["add", "-A"]);
        rig.git(&source, &["update-index", "--chmod=+x", "dir/run.sh"]);
        rig.git(&source, &["commit", "-qm", "First"]);
        rig.git(&source, &["tag", "-a", "v1", "-m", "v1"]);
        for (number, name) in ["refs/heads/side", "refs/pull/7/head", "refs/heads/main"].into_iter().enumerate() {
            std::fs::write(source.join("plain.txt"), format!("plain {number}\n")).unwrap();
            rig.git(&source, &["commit", "-qam", name]);
            rig.git(&source, &["update-ref", name, "HEAD"]);
        }
        rig.git(&source, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        rig.main = rig.commit("main");
        rig
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.directory.path().join("source")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.source().display())
    }

    /// The object that a name stands for in the served repository.
    pub(crate) fn commit(&self, name: &str) -> String {
        self.git(&self.source(), &["rev-parse", "--verify", name])
    }

    /// What git says, without the line's end; it may fail only where it is asked a question.
    pub(crate) fn git(&self, directory: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        self.alone(&mut command);
        let output = command.arg("-C").arg(directory).args(arguments).output().unwrap();
        let is_question = arguments.contains(&"-q") && arguments[0] == "symbolic-ref";
        assert!(output.status.success() || is_question, "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// `worktree init` of the served repository in the root.
    pub(crate) fn init(&self, arguments: &[&str]) -> Done {
        let output = self.command(arguments).output().unwrap();
        done(output)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let (url, root) = (self.url(), self.root());
        let own = ["worktree", "init", "--url", &url, "--root", root.to_str().unwrap()];
        let mut command = self.program();
        command.args(own).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `worktree` with arguments of its own.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        done(self.program().arg("worktree").args(arguments).output().unwrap())
    }

    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        self.alone(&mut command);
        command
    }

    /// Another program.
    pub(crate) fn shell(&self, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        self.alone(&mut command);
        command.args(&words[1..]);
        command
    }

    /// Nothing of the user's or the CI's reaches the test.
    fn alone(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", self.directory.path()).env("LANG", "C.UTF-8");
        for (name, value) in [("AUTHOR", "Tester"), ("COMMITTER", "Tester")] {
            command.env(format!("GIT_{name}_NAME"), value).env(format!("GIT_{name}_EMAIL"), "tester@example.org");
        }
        command.env("GIT_CONFIG_NOSYSTEM", "1").stdin(Stdio::null());
    }
}

pub(crate) fn done(output: std::process::Output) -> Done {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code(), result: text(output.stdout), talk: text(output.stderr) }
}
