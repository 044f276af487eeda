//! The file of settings: a YAML map. What is wrong is said with its line.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use super::{Key, Settings, refused};
use crate::cli::failure::Failure;

/// The settings in a file, as they are written there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct File(Vec<(Key, String)>);

impl File {
    pub(super) fn get(&self, key: Key) -> Option<&str> {
        self.0.iter().find(|(found, _)| *found == key).map(|(_, text)| text.as_str())
    }
}

/// Reads the file; one that is not there has no settings.
pub(super) fn read(path: &Path) -> Result<File, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text).map_err(|why| refused(&path.display(), &why)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(File::default()),
        Err(error) => Err(refused(&path.display(), &error.to_string())),
    }
}

fn parse(text: &str) -> Result<File, String> {
    // A text without a document is an error to the deserializer.
    let is_empty = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim() == "---";
    if text.lines().all(is_empty) {
        return Ok(File::default());
    }
    let file = serde_yaml::Deserializer::from_str(text).deserialize_any(OfFile);
    file.map_err(|error| error.to_string())
}

struct OfFile;

impl<'de> Visitor<'de> for OfFile {
    type Value = File;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of settings")
    }

    fn visit_unit<E: Error>(self) -> Result<File, E> {
        Ok(File::default())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<File, M::Error> {
        let mut found: Vec<(Key, String)> = Vec::new();
        while let Some(key) = map.next_key_seed(OfKey(&found))? {
            if let Some(text) = map.next_value_seed(OfValue(key))? {
                found.push((key, text));
            }
        }
        Ok(File(found))
    }
}

/// The next key, which stands there once.
struct OfKey<'a>(&'a [(Key, String)]);

impl<'de> DeserializeSeed<'de> for OfKey<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for OfKey<'_> {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a setting")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        let key = Key::named(name).map_err(E::custom)?;
        if self.0.iter().any(|(found, _)| *found == key) {
            return Err(E::custom(format_args!("setting {name} stands twice")));
        }
        Ok(key)
    }
}

/// The value of a key as text; none for `null`.
struct OfValue(Key);

impl<'de> DeserializeSeed<'de> for OfValue {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for OfValue {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the value of {}", self.0.name())
    }

    fn visit_unit<E: Error>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<String>, E> {
        Settings::default().set(self.0, text).map_err(E::custom)?;
        Ok(Some(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<String>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<String>, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_map_of_known_settings() {
        assert_eq!(parse(""), Ok(File::default()));
        assert_eq!(parse("# nothing\n"), Ok(File::default()));
        let file = parse("backend: local\nmax-tasks: 4\nstore:\n").unwrap_or_default();
        assert_eq!((file.get(Key::Backend), file.get(Key::MaxTasks)), (Some("local"), Some("4")));
        assert_eq!(file.get(Key::Store), None);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, said, line) in [
            ("backend: local\nmax_tasks: 4\n", "did you mean max-tasks?", "line 2"),
            ("backend: local\n\nmax-tasks: many\n", "expected a number", "line 3"),
            ("keep: much\n", "much", "line 1"),
            ("backend: local\nbackend: cluster\n", "stands twice", "line 2"),
            ("backend: [local]\n", "expected the value of backend", "line 1"),
            ("- backend\n", "expected a map of settings", ""),
            ("notify: https://me:secret@example.org\n", "credentials", "line 1"),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains(said) && why.contains(line), "{text}: {why}");
        }
    }
}
