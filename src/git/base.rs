//! The base: the clone that all worktrees share. It is created under another name and renamed into place. An unfinished
//! repository that another program left there is completed in place. All of this happens under the lock.

use std::fs;
use std::io;
use std::path::Path;

use git2::{Repository, RepositoryInitOptions};

use super::error::GitError;
use super::remote::RemoteUrl;
use super::root::Root;

/// The remote's name in the base.
pub(super) const REMOTE: &str = "origin";

/// Names that may be in the directory of an unfinished repository; any other name belongs to something else.
const REPOSITORY_ENTRIES: &[&str] = &[
    ".git",
    "HEAD",
    "config",
    "description",
    "objects",
    "refs",
    "info",
    "hooks",
    "branches",
    "packed-refs",
    "shallow",
    "config.lock",
    "HEAD.lock",
    "packed-refs.lock",
    "shallow.lock",
    "FETCH_HEAD",
    "logs",
    "worktrees",
];

/// Opens the base of a root; creates or completes it where needed.
pub(super) fn make(root: &Root, url: &RemoteUrl) -> Result<Repository, GitError> {
    let path = root.base();
    if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        let temporary = tempfile::Builder::new()
            .prefix(".base-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir_in(root.path())
            .map_err(GitError::file("create a directory in", root.path()))?;
        configure(&initialize(temporary.path())?, url)?;
        fs::rename(temporary.path(), &path).map_err(GitError::file("create", &path))?;
        // The directory was renamed: there is no temporary directory to delete any more.
        let _ = temporary.keep();
        return open(root);
    }

    let base = match Repository::open(&path) {
        Ok(base) => base,
        Err(error) if error.code() == git2::ErrorCode::Owner => return Err(GitError::Ownership { path }),
        Err(_) if uses_sha256(&path) => {
            return Err(GitError::ObjectFormat { repository: path.display().to_string() });
        }
        Err(_) if is_unfinished(&path)? => initialize(&path)?,
        Err(_) => return Err(GitError::NoRepository { base: path }),
    };

    repair_head(&base)?;
    check_remote(&base, &path, url)?;
    Ok(base)
}

/// Opens the base of a root without changing it.
pub(super) fn open(root: &Root) -> Result<Repository, GitError> {
    let path = root.base();
    Repository::open(&path).map_err(|error| match error.code() {
        git2::ErrorCode::Owner => GitError::Ownership { path },
        git2::ErrorCode::NotFound if !path.exists() => GitError::NoBase { root: root.path().to_owned() },
        _ if uses_sha256(&path) => GitError::ObjectFormat { repository: path.display().to_string() },
        git2::ErrorCode::NotFound => GitError::NoRepository { base: path },
        _ => GitError::library("open the base")(error),
    })
}

/// The base of a root, if there is one.
pub(super) fn find(root: &Root) -> Result<Option<Repository>, GitError> {
    match open(root) {
        Err(GitError::NoBase { .. }) => Ok(None),
        found => found.map(Some),
    }
}

/// The address that the base was cloned from.
pub(super) fn remote(base: &Repository) -> Option<RemoteUrl> {
    base.find_remote(REMOTE).ok()?.url().ok()?.parse().ok()
}

/// Removes bases whose creator was killed before the rename. Only the holder of the lock creates them, so none is in
/// use.
pub(super) fn sweep(root: &Root) {
    let entries = fs::read_dir(root.path()).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".base-")) {
        // A directory that cannot be removed only takes some space.
        let _ = fs::remove_dir_all(entry.path());
    }
}

fn initialize(path: &Path) -> Result<Repository, GitError> {
    let mut options = RepositoryInitOptions::new();
    options.initial_head("main").external_template(false).no_reinit(false);
    Repository::init_opts(path, &options).map_err(GitError::library("create the base"))
}

/// Whether the repository uses SHA-256 object ids, which libgit2 cannot open.
fn uses_sha256(path: &Path) -> bool {
    let format = |config: &str| git2::Config::open(&path.join(config))?.get_string("extensions.objectformat");
    [".git/config", "config"].into_iter().any(|config| format(config).is_ok_and(|format| format == "sha256"))
}

fn is_unfinished(path: &Path) -> Result<bool, GitError> {
    let entries = fs::read_dir(path).map_err(GitError::file("read", path))?;
    Ok(entries.flatten().all(|entry| REPOSITORY_ENTRIES.iter().any(|name| entry.file_name() == *name)))
}

/// A crash of the machine may leave `HEAD` empty; git then does not accept the directory as a repository.
fn repair_head(base: &Repository) -> Result<(), GitError> {
    let head = base.path().join("HEAD");
    let text = fs::read_to_string(&head).unwrap_or_default();
    let is_id = |text: &str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.starts_with("ref: refs/") || is_id(text.trim_end()) {
        return Ok(());
    }
    fs::write(&head, "ref: refs/heads/main\n").map_err(GitError::file("write", &head))
}

/// Checks that the base is a clone of this remote; an empty base gets this remote.
fn check_remote(base: &Repository, path: &Path, url: &RemoteUrl) -> Result<(), GitError> {
    match remote(base) {
        Some(known) if known.is_same(url) => disable_auto_gc(base),
        known if !is_empty(base)? => Err(GitError::OtherRemote {
            base: path.to_owned(),
            has: known.map_or_else(|| "another repository".to_owned(), |known| known.to_string()),
            wanted: url.to_string(),
        }),
        _ => configure(base, url),
    }
}

fn is_empty(base: &Repository) -> Result<bool, GitError> {
    let mut references = base.references().map_err(GitError::library("read the base's refs"))?;
    Ok(references.next().is_none() && !base.commondir().join("worktrees").exists())
}

fn configure(base: &Repository, url: &RemoteUrl) -> Result<(), GitError> {
    let set = || {
        let mut config = base.config()?.open_level(git2::ConfigLevel::Local)?;
        config.set_str(&format!("remote.{REMOTE}.url"), url.as_str())?;
        config.set_str(&format!("remote.{REMOTE}.fetch"), &format!("+refs/heads/*:refs/remotes/{REMOTE}/*"))
    };
    set().map_err(GitError::library("write the base's configuration"))?;
    disable_auto_gc(base)
}

/// Switches git's automatic garbage collection off: it could delete objects that a worktree in creation needs.
fn disable_auto_gc(base: &Repository) -> Result<(), GitError> {
    let set = || {
        let mut config = base.config()?.open_level(git2::ConfigLevel::Local)?;
        if config.get_i64("gc.auto").ok() != Some(0) {
            config.set_i64("gc.auto", 0)?;
        }
        if config.get_bool("maintenance.auto").ok() != Some(false) {
            config.set_bool("maintenance.auto", false)?;
        }
        Ok(())
    };
    set().map_err(GitError::library("write the base's configuration"))
}
