//! The key of a command: all that decides what it gives, as far as the user names it.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use blake3::Hasher;
use globset::{GlobBuilder, GlobMatcher};

use crate::cache::CacheKey;
use crate::exit::{CommandError, Exit};
use crate::file::hash::hash_file;

/// The first field of what is hashed. It changes with the meaning of the other fields.
const SCHEME: &str = "exec 1";
/// What makes a text a pattern.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// What a key is made of.
#[derive(Debug)]
pub(crate) struct KeySource<'a> {
    /// The program and its arguments.
    pub(crate) command: &'a [OsString],
    /// The names of the outputs.
    pub(crate) outputs: Vec<&'a str>,
    /// The variables that count, with their values.
    pub(crate) variables: BTreeMap<String, Option<OsString>>,
    /// The files that count.
    pub(crate) files: BTreeMap<PathBuf, KeyFile>,
}

/// A file that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFile {
    /// `file`, `executable` or `link`.
    kind: &'static str,
    /// Where a link leads.
    target: Option<PathBuf>,
    /// The digest of its content; none for a link that leads to no file.
    content: Option<blake3::Hash>,
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

impl<'a> KeySource<'a> {
    /// What the key of a command is made of; reads the files, and the variables of this process.
    pub(crate) fn new(
        command: &'a [OsString],
        outputs: Vec<&'a str>,
        variables: &[String],
        patterns: &[String],
    ) -> Result<Self, KeyError> {
        let variables = variables.iter().map(|name| (name.clone(), std::env::var_os(name))).collect();
        Ok(Self { command, outputs, variables, files: files(patterns)? })
    }

    /// The key.
    pub(crate) fn key(&self) -> Result<CacheKey, crate::cache::KeyError> {
        let mut hasher = Hasher::new();
        add(&mut hasher, "scheme", SCHEME.as_bytes());
        for argument in self.command {
            add(&mut hasher, "argument", argument.as_bytes());
        }
        let mut outputs = self.outputs.clone();
        outputs.sort_unstable();
        for output in outputs {
            add(&mut hasher, "output", output.as_bytes());
        }
        for (name, value) in &self.variables {
            add(&mut hasher, "variable", name.as_bytes());
            match value {
                Some(value) => add(&mut hasher, "value", value.as_bytes()),
                None => add(&mut hasher, "unset", b""),
            }
        }
        add(&mut hasher, "os", OS.as_bytes());
        add(&mut hasher, "architecture", ARCH.as_bytes());
        for (path, file) in &self.files {
            add(&mut hasher, file.kind, path.as_os_str().as_bytes());
            if let Some(target) = &file.target {
                add(&mut hasher, "target", target.as_os_str().as_bytes());
            }
            if let Some(content) = &file.content {
                add(&mut hasher, "content", content.as_bytes());
            }
        }
        hasher.finalize().to_hex().parse()
    }

    /// What the key covers, line by line. Values of variables are told by their digests.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("command: {}", shown_command(self.command))];
        lines.extend(self.outputs.iter().map(|name| format!("output: {name}")));
        lines.extend(self.variables.iter().map(|(name, value)| match value {
            Some(value) => format!("variable: {name} ({})", short(&blake3::hash(value.as_bytes()))),
            None => format!("variable: {name} (not set)"),
        }));
        lines.push(format!("system: {OS} {ARCH}"));
        lines.extend(self.files.iter().map(|(path, file)| {
            let content = file.content.as_ref().map(|content| format!(" {}", short(content))).unwrap_or_default();
            format!("{}:{content} {}", file.kind, path.display())
        }));
        lines
    }
}

fn shown_command(command: &[OsString]) -> String {
    let shown = |argument: &OsString| {
        let text = argument.to_string_lossy();
        let plain =
            !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || "-_./=:,+@%".contains(letter));
        if plain { text.into_owned() } else { format!("{text:?}") }
    };
    command.iter().map(shown).collect::<Vec<_>>().join(" ")
}

fn short(hash: &blake3::Hash) -> String {
    hash.to_hex()[..12].to_owned()
}

/// Adds a field: with the lengths no two lists of fields are one text.
fn add(hasher: &mut Hasher, field: &str, value: &[u8]) {
    for part in [field.as_bytes(), value] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
}

/// The files that patterns match, with their contents. A directory stands for all files in it.
fn files(patterns: &[String]) -> Result<BTreeMap<PathBuf, KeyFile>, KeyError> {
    let mut files = BTreeMap::new();
    for pattern in patterns {
        let mut found = Vec::new();
        match_pattern(pattern, &mut found)?;
        if found.is_empty() {
            return Err(KeyError::NoMatch(pattern.clone()));
        }
        for path in found {
            let file = read(&path).map_err(|error| KeyError::Read(path.clone(), error))?;
            files.insert(path, file);
        }
    }
    Ok(files)
}

fn match_pattern(pattern: &str, found: &mut Vec<PathBuf>) -> Result<(), KeyError> {
    let plain = plain(Path::new(pattern));
    if !pattern.contains(WILDCARDS) {
        return match plain.symlink_metadata() {
            Ok(_) => collect(&plain, None, true, found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(KeyError::Read(plain, error)),
        };
    }
    let text = plain.to_string_lossy();
    let glob = GlobBuilder::new(&text).literal_separator(true).build();
    let matcher =
        glob.map_err(|error| KeyError::Pattern(pattern.to_owned(), error.kind().to_string()))?.compile_matcher();
    let is_pattern = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(WILDCARDS);
    let base: PathBuf = plain.components().take_while(|part| !is_pattern(part)).collect();
    collect(&base, Some(&matcher), false, found)
}

/// The path without `.` parts, as it counts.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// Collects the files below a path that match; below a directory that matches, all.
fn collect(path: &Path, matcher: Option<&GlobMatcher>, all: bool, found: &mut Vec<PathBuf>) -> Result<(), KeyError> {
    let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let error = |error| KeyError::Read(path.to_owned(), error);
    let metadata = match here.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(other) => return Err(error(other)),
    };
    let all = all || matcher.is_some_and(|matcher| matcher.is_match(path));
    if !metadata.is_dir() {
        if all {
            found.push(path.to_owned());
        }
        return Ok(());
    }
    for entry in fs::read_dir(here).map_err(error)? {
        let entry = entry.map_err(error)?;
        collect(&path.join(entry.file_name()), matcher, all, found)?;
    }
    Ok(())
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

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    fn key(command: &str, outputs: &[&str], variables: &[(&str, Option<&str>)]) -> Result<String, Box<dyn Error>> {
        let command = words(command);
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.map(OsString::from))).collect();
        let source = KeySource { command: &command, outputs: outputs.to_vec(), variables, files: BTreeMap::new() };
        Ok(source.key()?.to_string())
    }

    #[test]
    fn each_part_counts_and_parts_do_not_run_together() -> Result<(), Box<dyn Error>> {
        let keys = [
            key("make all", &[], &[])?,
            key("makeall", &[], &[])?,
            key("make all x", &[], &[])?,
            key("make all", &["x"], &[])?,
            key("make all", &[], &[("CC", None)])?,
            key("make all", &[], &[("CC", Some(""))])?,
            key("make all", &[], &[("CC", Some("gcc"))])?,
            key("make all", &[], &[("C", Some("Cgcc"))])?,
        ];
        let different: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        assert_eq!(key("make", &["a", "b"], &[])?, key("make", &["b", "a"], &[])?);
        Ok(())
    }

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
}
