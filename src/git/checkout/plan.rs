//! The checkout of a commit's tree: directories, and entries in the order of git's index.

use git2::{ObjectType, Oid, Repository, Tree};

use super::super::identity::Directory;

/// The files of a commit.
#[derive(Debug, Default)]
pub(super) struct CheckoutPlan {
    pub(super) directories: Vec<PlannedDirectory>,
    pub(super) entries: Vec<Entry>,
    unsafe_name: bool,
}

/// A directory. Its parents come before it in the plan.
#[derive(Debug)]
pub(super) struct PlannedDirectory {
    /// Relative to the worktree, `/` between components; the worktree itself is empty.
    pub(super) path: Vec<u8>,
    /// The numbers of its entries that are not directories.
    pub(super) entries: Vec<usize>,
    /// Whether it is checked out.
    pub(super) wanted: bool,
}

/// A file, link or submodule.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    pub(super) mode: u32,
    pub(super) id: Oid,
    /// Whether it is checked out.
    pub(super) wanted: bool,
}

pub(super) const LINK: u32 = 0o120_000;
pub(super) const SUBMODULE: u32 = 0o160_000;
pub(super) const EXECUTABLE: u32 = 0o100_755;
const FILE: u32 = 0o100_644;

impl Entry {
    /// The last component of its path.
    pub(super) fn name(&self) -> &[u8] {
        self.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
    }
}

impl CheckoutPlan {
    /// Plans the checkout of a commit's tree.
    pub(super) fn of(base: &Repository, tree: &Tree<'_>, sparse: &[Directory]) -> Result<Self, git2::Error> {
        let mut plan = Self::default();
        plan.walk(base, tree, &[], sparse)?;
        Ok(plan)
    }

    fn walk(
        &mut self,
        base: &Repository,
        tree: &Tree<'_>,
        above: &[u8],
        sparse: &[Directory],
    ) -> Result<(), git2::Error> {
        let number = self.directories.len();
        let wanted = is_wanted(above, sparse);
        self.directories.push(PlannedDirectory { path: above.to_vec(), entries: Vec::new(), wanted });

        for entry in tree {
            let name = entry.name_bytes();
            self.unsafe_name |= is_unsafe_name(name);
            let mut path = above.to_vec();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            if entry.kind() == Some(ObjectType::Tree) {
                self.walk(base, &base.find_tree(entry.id())?, &path, sparse)?;
                continue;
            }
            self.directories[number].entries.push(self.entries.len());
            let mode = normal(entry.filemode());
            self.entries.push(Entry { path, mode, id: entry.id(), wanted });
        }
        Ok(())
    }

    /// Whether the commit has this directory.
    pub(super) fn has(&self, directory: &Directory) -> bool {
        self.directories.iter().any(|planned| planned.path == directory.as_str().as_bytes())
    }

    /// Whether it holds a name that git may refuse.
    pub(super) fn has_unsafe_name(&self) -> bool {
        self.unsafe_name
    }

    /// The paths of entries, each followed by a zero byte.
    pub(super) fn paths(&self, entries: &[usize]) -> Vec<u8> {
        let parts = entries.iter().flat_map(|&entry| [self.entries[entry].path.as_slice(), &[0]]);
        parts.flatten().copied().collect()
    }
}

/// Normalizes a file mode: old repositories hold modes such as 100664.
fn normal(mode: i32) -> u32 {
    match mode.cast_unsigned() {
        mode if mode & 0o170_000 == LINK => LINK,
        mode if mode & 0o170_000 == SUBMODULE => SUBMODULE,
        mode if mode & 0o100 != 0 => EXECUTABLE,
        _ => FILE,
    }
}

/// Git's rule for a sparse checkout in cone mode: the files directly in each parent of the given directories, and
/// everything below them.
fn is_wanted(path: &[u8], sparse: &[Directory]) -> bool {
    let is_in = |path: &[u8], directory: &[u8]| {
        path.starts_with(directory) && matches!(path.get(directory.len()), None | Some(b'/'))
    };
    let is_for = |directory: &Directory| {
        let directory = directory.as_str().as_bytes();
        path.is_empty() || is_in(path, directory) || is_in(directory, path)
    };
    sparse.is_empty() || sparse.iter().any(is_for)
}

/// Whether a name could lead out of its directory, or into a `.git`, on some file system. Git decides about those: a
/// tree that holds such a name is left to git.
fn is_unsafe_name(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let like_git = lower.strip_prefix(b".git").is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphabetic));
    matches!(name, b"" | b"." | b"..")
        || like_git
        || lower.starts_with(b"git~")
        || name.contains(&b'/')
        || name.contains(&b'\\')
        || (name.starts_with(b".") && !name.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cone_has_the_directories_and_the_files_of_their_parents() {
        let sparse: Vec<Directory> = ["a/b", "c"].iter().flat_map(|path| path.parse()).collect();
        for inside in ["", "a", "a/b", "a/b/x", "c", "c/d"] {
            assert!(is_wanted(inside.as_bytes(), &sparse), "{inside}");
        }
        for outside in ["a/x", "a/bc", "d", "cc"] {
            assert!(!is_wanted(outside.as_bytes(), &sparse), "{outside}");
        }
        assert!(is_wanted(b"anything", &[]));
    }

    #[test]
    fn unsafe_names_are_left_to_git() {
        for name in
            [".git", ".GIT", ".git ", ".git.", ".git::$INDEX", "git~1", "GIT~2", "..", ".", "a\\b", ".g\u{200c}it"]
        {
            assert!(is_unsafe_name(name.as_bytes()), "{name}");
        }
        for plain in [".gitignore", ".github", ".gitattributes", "git", "a.git", "...", "ü", ".a"] {
            assert!(!is_unsafe_name(plain.as_bytes()), "{plain}");
        }
    }

    #[test]
    fn a_mode_is_one_of_four() {
        assert_eq!([0o100_664, 0o100_755, 0o120_000, 0o160_000].map(normal), [FILE, EXECUTABLE, LINK, SUBMODULE]);
    }
}
