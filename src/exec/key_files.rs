//! The files of a key: those that paths and patterns name, with all that counts of them.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::exit::{CommandError, Exit};
use crate::file::hash::hash_file;

/// What makes a text a pattern.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// A file that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFile {
    /// `file`, `executable` or `link`.
    pub(super) kind: &'static str,
    /// Where a link leads.
    pub(super) target: Option<PathBuf>,
    /// The digest of its content; none for a link that leads to no file.
    pub(super) content: Option<blake3::Hash>,
}

/// The files of a key cannot be determined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The pattern is none.
    #[error("invalid pattern {0:?}: {1}")]
    Pattern(String, String),
    /// No file matches.
    #[error("no file matches {0:?}")]
    NoMatch(String),
    /// A file or directory cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
}

impl CommandError for KeyError {
    fn exit(&self) -> Exit {
        match self {
            Self::Pattern(..) | Self::NoMatch(_) => Exit::Usage,
            Self::Read(..) => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        let missing = matches!(self, Self::NoMatch(_));
        missing.then(|| "quote patterns, so that the shell does not replace them".to_owned())
    }
}

/// The files that patterns match, with their contents. A directory stands for all files in it, and so does a link to one.
pub(super) fn files(patterns: &[String]) -> Result<BTreeMap<PathBuf, KeyFile>, KeyError> {
    // Their order does not count: what a walk finds depends on where others have been.
    let mut patterns: Vec<&String> = patterns.iter().collect();
    patterns.sort_unstable();
    let mut files = BTreeMap::new();
    let mut taken = HashSet::new();
    for pattern in patterns {
        let mut walk = Walk { taken, ..Walk::default() };
        walk.pattern(pattern)?;
        if walk.found.is_empty() {
            return Err(KeyError::NoMatch(pattern.clone()));
        }
        for (path, place) in walk.found {
            let file = read(&place).map_err(|error| KeyError::Read(path.clone(), error))?;
            files.insert(path, file);
        }
        taken = walk.taken;
    }
    Ok(files)
}

/// A walk through the files of a pattern.
#[derive(Default)]
struct Walk {
    matcher: Option<GlobMatcher>,
    /// How many parts a path has at most that matches; none of a pattern with `**`.
    deepest: Option<usize>,
    /// The directories, by device and number, of which all files count already: no link leads there again.
    taken: HashSet<(u64, u64)>,
    /// Those above the path: no link leads back to one.
    above: Vec<(u64, u64)>,
    /// How many links are above the path.
    links: usize,
    /// The directories that links led to. Where packages are linked to each other, each by many, there are more ways through
    /// all of them than anybody can walk: a link behind a link leads to each directory once.
    linked: HashSet<(u64, u64)>,
    /// The paths that count, each with where it is without the links to directories above it: the system follows 40 links of a
    /// path at most, and counts some twice.
    found: Vec<(PathBuf, PathBuf)>,
}

impl Walk {
    fn pattern(&mut self, pattern: &str) -> Result<(), KeyError> {
        let plain = plain(Path::new(pattern));
        let is_pattern = pattern.contains(WILDCARDS);
        // A path whose name has such letters is one, too: a shell may have found it.
        match plain.symlink_metadata() {
            Ok(_) => self.collect(&plain, here(&plain), true)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_pattern => {}
            Err(error) => return Err(KeyError::Read(plain, error)),
        }
        if !is_pattern {
            return Ok(());
        }
        let text = plain.to_string_lossy();
        let glob = GlobBuilder::new(&text).literal_separator(true).build();
        let glob = glob.map_err(|error| KeyError::Pattern(pattern.to_owned(), error.kind().to_string()))?;
        self.matcher = Some(glob.compile_matcher());
        self.deepest = (!text.contains("**")).then(|| plain.components().count());
        let is_pattern = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(WILDCARDS);
        let base: PathBuf = plain.components().take_while(|part| !is_pattern(part)).collect();
        self.collect(&base, here(&base), false)
    }

    /// Collects the files below a path that match, which is at `place`; below a directory that matches, all.
    fn collect(&mut self, path: &Path, place: &Path, all: bool) -> Result<(), KeyError> {
        let error = |error| KeyError::Read(path.to_owned(), error);
        let metadata = match place.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(other) => return Err(error(other)),
        };
        let all = all || self.matcher.as_ref().is_some_and(|matcher| matcher.is_match(path));
        if all && !metadata.is_dir() {
            self.found.push((path.to_owned(), place.to_owned()));
        }
        let Some(directory) = place.metadata().ok().filter(fs::Metadata::is_dir) else { return Ok(()) };
        let directory = (directory.dev(), directory.ino());
        let is_link = metadata.is_symlink();
        let is_known = if all { !self.taken.insert(directory) } else { is_link && self.knows(directory) };
        if (is_link && is_known) || (!all && self.deepest.is_some_and(|deepest| path.components().count() >= deepest)) {
            return Ok(());
        }
        self.above.push(directory);
        self.links += usize::from(is_link);
        let inside = if is_link { place.canonicalize().map_err(error)? } else { place.to_owned() };
        for name in names(&inside).map_err(error)? {
            self.collect(&path.join(&name), &inside.join(name), all)?;
        }
        self.links -= usize::from(is_link);
        self.above.pop();
        Ok(())
    }

    /// Whether a link to this directory leads to nothing more that can match.
    fn knows(&mut self, directory: (u64, u64)) -> bool {
        let is_new = self.linked.insert(directory);
        self.above.contains(&directory) || (self.deepest.is_none() && self.links > 0 && !is_new)
    }
}

fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Where a path leads that may have no part.
fn here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// The path without `.` parts, as it counts.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn read(path: &Path) -> io::Result<KeyFile> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_symlink() {
        let leads_to_file = path.metadata().is_ok_and(|target| target.is_file());
        let content = if leads_to_file { Some(hash_file(path)?) } else { None };
        return Ok(KeyFile { kind: "link", target: Some(fs::read_link(path)?), content });
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file, a link nor a directory"));
    }
    // Other bits follow the umask of whoever checked the files out.
    let kind = if metadata.permissions().mode() & 0o111 == 0 { "file" } else { "executable" };
    Ok(KeyFile { kind, target: None, content: Some(hash_file(path)?) })
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_contents_links_and_executability_of_files_count() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        fs::create_dir_all(path("src/deep"))?;
        fs::write(path("src/a.rs"), "a")?;
        fs::write(path("src/deep/b.rs"), "b")?;
        fs::write(path("src/.hidden"), "h")?;
        symlink("a.rs", path("src/link"))?;
        symlink("nowhere", path("src/broken"))?;
        let pattern = |text: &str| path(text).to_string_lossy().into_owned();
        let names = |text: &str| -> Result<Vec<String>, KeyError> {
            let found = files(&[pattern(text)])?;
            Ok(found.keys().map(|found| found.strip_prefix(directory.path()).unwrap().display().to_string()).collect())
        };
        assert_eq!(names("src/*.rs")?, ["src/a.rs"]);
        assert_eq!(names("src/**/*.rs")?, ["src/a.rs", "src/deep/b.rs"]);
        assert_eq!(names("src/{a,b}.rs")?, ["src/a.rs"]);
        assert_eq!(names("src")?.len(), 5);
        assert_eq!(names("src/d*")?, ["src/deep/b.rs"]);
        assert_eq!(names("./src/./a.rs")?, ["src/a.rs"]);
        for absent in ["src/*.py", "src/none", "none/*"] {
            assert!(matches!(names(absent), Err(KeyError::NoMatch(_))), "{absent}");
        }
        assert!(matches!(names("src/["), Err(KeyError::Pattern(..))));

        let before = files(&[pattern("src")])?;
        fs::write(path("src/a.rs"), "x")?;
        let after = files(&[pattern("src")])?;
        let changed: Vec<_> = before.iter().filter(|(path, file)| after.get(*path) != Some(file)).collect();
        assert_eq!(changed.len(), 2, "the file and the link to it: {changed:?}");
        fs::set_permissions(path("src/a.rs"), fs::Permissions::from_mode(0o755))?;
        assert_ne!(files(&[pattern("src/a.rs")])?, after.into_iter().filter(|(p, _)| p.ends_with("a.rs")).collect());
        Ok(())
    }

    #[test]
    fn a_link_to_a_directory_counts_with_its_content_and_ends_no_walk() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        let pattern = |text: &str| path(text).to_string_lossy().into_owned();
        fs::create_dir_all(path("src"))?;
        fs::create_dir_all(path("shared/deep"))?;
        fs::write(path("src/a"), "a")?;
        fs::write(path("shared/deep/b"), "b")?;
        symlink("../shared", path("src/link"))?;
        symlink("../../src", path("shared/deep/back"))?;
        symlink("src", path("named"))?;
        symlink("src", path("z"))?;
        for text in ["src", "src/**", "named", "named/*", "z*", "{z,none}/*/deep/b", "src/**/b"] {
            let before = files(&[pattern(text)])?;
            fs::write(path("shared/deep/b"), text)?;
            assert_ne!(files(&[pattern(text)])?, before, "{text}");
        }
        let both = [pattern("src"), pattern("shared")];
        let reversed = [pattern("shared"), pattern("src")];
        assert_eq!(files(&both)?, files(&reversed)?);
        Ok(())
    }

    /// As package managers leave them.
    #[test]
    fn packages_that_are_linked_to_each_other_are_walked_once() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let package = |number: usize| directory.path().join(format!("store/p{number}"));
        // More than the links that the system follows of one path.
        for number in 0..50 {
            fs::create_dir_all(package(number).join("node_modules"))?;
            fs::write(package(number).join("index.ts"), number.to_string())?;
        }
        for (from, to) in (0..50).flat_map(|from| (0..50).map(move |to| (from, to))) {
            symlink(package(to), package(from).join(format!("node_modules/p{to}")))?;
        }
        let pattern = |text: &str| directory.path().join(text).to_string_lossy().into_owned();
        for (text, most) in [("store/*/index.ts", 50), ("store/*/*/*/index.ts", 2_500), ("store/**/index.ts", 7_000)] {
            let found = files(&[pattern(text)])?;
            assert!((50..=most).contains(&found.len()), "{text}: {}", found.len());
        }
        Ok(())
    }

    #[test]
    fn a_file_whose_name_looks_like_a_pattern_is_found() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let name = directory.path().join("[id].tsx");
        fs::write(&name, "a")?;
        fs::write(directory.path().join("i.tsx"), "i")?;
        let found = files(&[name.to_string_lossy().into_owned()])?;
        assert_eq!(found.len(), 2, "as a path and as a pattern: {found:?}");
        fs::remove_file(directory.path().join("i.tsx"))?;
        assert_eq!(files(&[name.to_string_lossy().into_owned()])?.len(), 1);
        Ok(())
    }
}
