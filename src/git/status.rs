//! Files of a worktree that are changed, added, or hidden from `git status` by a flag or setting. Git itself says which:
//! it knows filters and submodules.

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
    // `ignore = dirty` in .gitmodules and diff.ignoreSubmodules would hide work; optional locks would hinder a git that
    // works there.
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
    let answer = git.ask(tree, arguments, &Environment::default())?.good(&arguments, tree)?;
    // `XY path`, a zero byte behind each.
    let lines = answer.split(|&byte| byte == 0).filter_map(|line| line.get(3..));
    let mut files: Vec<String> = lines.map(|path| String::from_utf8_lossy(path).into_owned()).collect();

    files.extend(passed_over(git, repository, tree)?);
    files.extend(changed_in_submodules(git, repository, tree)?);
    Ok(files)
}

/// The same of the submodules alone. The status of a submodule that is asked from above passes over its own ones.
pub(super) fn changed_in_submodules(git: &Git, repository: &Repository, tree: &Path) -> Result<Vec<String>, GitError> {
    let mut files = Vec::new();
    for path in submodules::checked_out(repository, tree).map_err(GitError::library("read the worktree's index"))? {
        let module = Repository::open(tree.join(&path)).map_err(GitError::library("open the submodule"))?;
        let inner = changed(git, &module, &tree.join(&path))?;
        files.extend(inner.into_iter().map(|file| format!("{}/{file}", path.display())));
    }
    Ok(files)
}

/// Changed files that `git update-index --assume-unchanged` or `--skip-worktree` hides.
fn passed_over(git: &Git, repository: &Repository, tree: &Path) -> Result<Vec<String>, GitError> {
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
    let unlike = unlike(git, tree, hidden.keys().cloned().collect(), |path, id| hidden.get(path) == Some(&id))?;
    Ok(unlike)
}

/// Those of the files whose content, as git would store it, is not as expected. What is gone has no content.
pub(super) fn unlike(
    git: &Git,
    tree: &Path,
    files: Vec<String>,
    is_expected: impl Fn(&str, Oid) -> bool,
) -> Result<Vec<String>, GitError> {
    let (mut asked, mut unlike) = (Vec::new(), Vec::new());
    for path in files {
        let Ok(metadata) = fs::symlink_metadata(tree.join(&path)) else { continue };
        // A line of git's input ends with the line.
        if metadata.is_file() && !path.contains(['\n', '"']) {
            asked.push(path);
        } else if !is_link_to(&tree.join(&path), |id| is_expected(&path, id)) {
            unlike.push(path);
        }
    }
    if asked.is_empty() {
        return Ok(unlike);
    }

    let input = asked.join("\n").into_bytes();
    let answer = git.run(tree, ["hash-object", "--stdin-paths"], input)?;
    let ids = String::from_utf8_lossy(&answer).into_owned();
    let ids = ids.lines().map(|line| Oid::from_str(line).ok());
    let differs = |path: &str, id: Option<Oid>| !id.is_some_and(|id| is_expected(path, id));
    unlike.extend(asked.into_iter().zip(ids).filter(|(path, id)| differs(path, *id)).map(|(path, _)| path));
    Ok(unlike)
}

fn is_link_to(path: &Path, is_expected: impl Fn(Oid) -> bool) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let target = fs::read_link(path).ok();
    let id = target.and_then(|target| Oid::hash_object(ObjectType::Blob, target.as_os_str().as_bytes()).ok());
    id.is_some_and(is_expected)
}
