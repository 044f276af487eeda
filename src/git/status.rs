//! Changed and added files of a worktree, including those that a flag or setting hides from `git status`. Git itself
//! lists them, because it handles filters and submodules.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use git2::{IndexEntryFlag, ObjectType, Oid, Repository};

use super::credentials::Environment;
use super::error::GitError;
use super::program::Git;
use super::submodules;

/// The extended flag of an index entry that a sparse checkout leaves out.
const SKIP_WORKTREE: u16 = 1 << 14;

/// The changed and added files of a worktree and its submodules, relative to it.
pub(super) fn changed(git: &Git, repository: &Repository, tree: &Path) -> Result<Vec<String>, GitError> {
    // `ignore = dirty` in .gitmodules and diff.ignoreSubmodules would hide work; an optional lock would make a git that
    // runs there at the same time fail.
    let arguments = [
        "-c",
        "core.fsmonitor=false",
        "--no-optional-locks",
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--untracked-files=normal",
        "--ignore-submodules=none",
    ];
    let answer = git.ask(tree, arguments, &Environment::default())?.into_stdout(&arguments, tree)?;
    // `XY path`, a zero byte behind each.
    let lines = answer.split(|&byte| byte == 0).filter_map(|line| line.get(3..));
    let mut files: Vec<String> = lines.map(|path| String::from_utf8_lossy(path).into_owned()).collect();

    files.extend(hidden_changes(git, repository, tree)?);
    files.extend(changed_in_submodules(git, repository, tree)?);
    Ok(files)
}

/// The same for the submodules only. Git's status of a submodule does not include the submodules inside it.
pub(super) fn changed_in_submodules(git: &Git, repository: &Repository, tree: &Path) -> Result<Vec<String>, GitError> {
    let mut files = Vec::new();
    for path in submodules::checked_out(repository, tree).map_err(GitError::library("read the worktree's index"))? {
        let module = Repository::open(tree.join(&path)).map_err(GitError::library("open the submodule"))?;
        let inner = changed(git, &module, &tree.join(&path))?;
        files.extend(inner.into_iter().map(|file| format!("{}/{file}", path.display())));
    }
    Ok(files)
}

/// Changed files that `git update-index --assume-unchanged` or `--skip-worktree` hide.
fn hidden_changes(git: &Git, repository: &Repository, tree: &Path) -> Result<Vec<String>, GitError> {
    let index = repository.index().map_err(GitError::library("read the worktree's index"))?;
    let mut hidden = HashMap::new();
    for entry in index.iter() {
        let is_hidden =
            IndexEntryFlag::from_bits_truncate(entry.flags).is_valid() || entry.flags_extended & SKIP_WORKTREE != 0;
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        if is_hidden && submodules::is_inside(tree, Path::new(&path)) {
            hidden.insert(path, entry.id);
        }
    }
    with_other_content(git, tree, hidden.keys().cloned().collect(), |path, id| hidden.get(path) == Some(&id))
}

/// The files whose content, as git would store it, differs from what is expected. Missing files are left out.
pub(super) fn with_other_content(
    git: &Git,
    tree: &Path,
    files: Vec<String>,
    is_expected: impl Fn(&str, Oid) -> bool,
) -> Result<Vec<String>, GitError> {
    let (mut asked, mut with_other_content) = (Vec::new(), Vec::new());
    for path in files {
        let Ok(metadata) = fs::symlink_metadata(tree.join(&path)) else { continue };
        // Git reads one path a line, and unquotes a path that begins with a quote.
        if metadata.is_file() && !path.contains(['\n', '"']) {
            asked.push(path);
        } else if !is_link_to(&tree.join(&path), |id| is_expected(&path, id)) {
            with_other_content.push(path);
        }
    }
    if asked.is_empty() {
        return Ok(with_other_content);
    }

    let input = asked.join("\n").into_bytes();
    let answer = git.run(tree, ["hash-object", "--stdin-paths"], input)?;
    let ids = String::from_utf8_lossy(&answer).into_owned();
    let ids = ids.lines().map(|line| Oid::from_str(line).ok());
    let differs = |path: &str, id: Option<Oid>| !id.is_some_and(|id| is_expected(path, id));
    with_other_content.extend(asked.into_iter().zip(ids).filter(|(path, id)| differs(path, *id)).map(|(path, _)| path));
    Ok(with_other_content)
}

fn is_link_to(path: &Path, is_expected: impl Fn(Oid) -> bool) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let target = fs::read_link(path).ok();
    let id = target.and_then(|target| Oid::hash_object(ObjectType::Blob, target.as_os_str().as_bytes()).ok());
    id.is_some_and(is_expected)
}
