//! Random work in a worktree: commits that the remote does not have, according to git, are never removed, and nothing
//! else is kept.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use crate::support::output::Output;
use crate::support::repository::Repository;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Commit,
    Amend,
    Tag,
    Branch,
    Detach,
    Reset,
    Write,
    Clean,
    Stash,
    DropStashes,
    Push,
    PushTags,
    DeleteAtRemote,
    Collect,
    Reuse,
}

const STEPS: [Step; 15] = [
    Step::Commit,
    Step::Amend,
    Step::Tag,
    Step::Branch,
    Step::Detach,
    Step::Reset,
    Step::Write,
    Step::Clean,
    Step::Stash,
    Step::DropStashes,
    Step::Push,
    Step::PushTags,
    Step::DeleteAtRemote,
    Step::Collect,
    Step::Reuse,
];

struct Worktree<'a> {
    repository: &'a Repository,
    tree: PathBuf,
    /// Every commit made here.
    made: Vec<String>,
    number: usize,
}

impl Worktree<'_> {
    /// Git's output; a step with nothing to do fails.
    fn try_git(&self, arguments: &[&str]) -> String {
        let mut git = self.repository.shell(&[&["git"], arguments].concat());
        Output::of(git.current_dir(&self.tree)).stdout.trim().to_owned()
    }

    fn head(&self) -> String {
        self.repository.git(&self.tree, &["rev-parse", "HEAD"])
    }

    fn step(&mut self, step: Step) {
        self.number += 1;
        let name = format!("n{}", self.number);
        match step {
            Step::Commit => {
                self.try_git(&["add", "-A"]);
                self.try_git(&["commit", "-q", "--allow-empty", "-m", &name]);
                self.made.push(self.head());
            }
            Step::Amend if self.head() != self.repository.main => {
                self.try_git(&["commit", "-q", "--amend", "-m", &name]);
                self.made.push(self.head());
            }
            Step::Tag => drop(self.try_git(&["tag", &name])),
            Step::Branch => drop(self.try_git(&["checkout", "-qb", &name])),
            Step::Detach => drop(self.try_git(&["checkout", "-q", "--detach", &self.repository.main])),
            Step::Reset => drop(self.try_git(&["reset", "-q", "--hard", "HEAD~1"])),
            Step::Write => fs::write(self.tree.join(name), "mine").unwrap(),
            Step::Clean => drop((self.try_git(&["clean", "-fdq"]), self.try_git(&["reset", "-q", "--hard"]))),
            Step::Stash => drop(self.try_git(&["stash", "push", "-q", "-u"])),
            Step::DropStashes => drop(self.try_git(&["stash", "clear"])),
            Step::Push => drop(self.try_git(&["push", "-qf", "origin", "HEAD:refs/heads/topic"])),
            Step::PushTags => drop(self.try_git(&["push", "-q", "--tags", "origin"])),
            Step::DeleteAtRemote => drop(self.try_git(&["push", "-q", "origin", ":refs/heads/topic"])),
            Step::Collect => drop(self.try_git(&["gc", "-q", "--prune=now"])),
            Step::Reuse => self.reuse(),
            Step::Amend => {}
        }
    }

    /// A moved worktree held no work at that time; the remote may delete those commits later.
    fn reuse(&mut self) {
        let (before, work) = (self.head(), self.work());
        let moved = self.repository.init(&["--task-id", "a", "--reuse"]);
        if moved.code == Some(0) && before != self.repository.main {
            assert!(work.0.is_empty() && !work.1, "{work:?}");
            self.made.clear();
        }
    }

    /// The commits that the remote does not have, and whether files are changed.
    fn work(&self) -> (Vec<String>, bool) {
        let there = self.repository.git(&self.repository.source(), &["rev-list", "--all"]);
        let there: HashSet<&str> = there.lines().collect();
        let missing = self.made.iter().filter(|id| !there.contains(id.as_str())).cloned().collect();
        (missing, !self.repository.git(&self.tree, &["status", "--porcelain"]).is_empty())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, max_shrink_iters: 40, failure_persistence: None, ..Default::default() })]

    #[test]
    fn nothing_that_the_remote_lacks_is_taken_away(steps in prop::collection::vec(prop::sample::select(&STEPS[..]), 1..10)) {
        let repository = Repository::new();
        let _ = repository.init(&["--task-id", "a", "--depth", "0"]).good();
        let mut worktree = Worktree { repository: &repository, tree: repository.root().join("trees/a"), made: Vec::new(), number: 0 };
        for &step in &steps {
            worktree.step(step);
        }

        let (missing, is_dirty) = worktree.work();
        let stashes = worktree.try_git(&["stash", "list"]);
        let root = repository.root();
        let removed = repository.run(&["cleanup", "--all", "--root", root.to_str().unwrap()]);
        let holds_work = !missing.is_empty() || is_dirty || !stashes.is_empty();
        // For commits pushed only as a tag, the base has no ref of the remote.
        if holds_work || !steps.contains(&Step::PushTags) {
            prop_assert_eq!(
                worktree.tree.exists(), holds_work,
                "{:?}\n{:?}\nmissing {:?} dirty {} stashes {:?}", steps, removed, missing, is_dirty, stashes
            );
        }

        // The same holds if only the metadata is left.
        if !missing.is_empty() {
            fs::remove_dir_all(&worktree.tree).unwrap();
            prop_assert_eq!(repository.init(&["--task-id", "a"]).code, Some(7), "{:?}", steps);
        }
    }
}
