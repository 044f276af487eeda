//! The key of a command: all that decides what it gives, as far as the user names it.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use blake3::Hasher;

use super::key_files::{KeyError, KeyFile, files};
use crate::cache::CacheKey;

/// The first field of what is hashed. It changes with the meaning of the other fields.
const SCHEME: &str = "exec 1";

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

#[cfg(test)]
mod tests {
    use std::error::Error;

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
}
