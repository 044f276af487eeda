//! Reads reflogs from their files: the library would create missing ones.

use std::fs;
use std::path::Path;

use git2::Oid;

/// One change of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) old: Oid,
    pub(super) new: Oid,
    pub(super) message: String,
}

/// The log's entries, oldest first; none if there is no log.
pub(super) fn read(path: &Path) -> Vec<Entry> {
    let text = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(entry).collect()
}

/// `old new name <mail> seconds zone<tab>message`
fn entry(line: &str) -> Option<Entry> {
    let (change, message) = line.split_once('\t').unwrap_or((line, ""));
    let mut ids = change.split(' ');
    let mut id = || Oid::from_str(ids.next()?).ok();
    Some(Entry { old: id()?, new: id()?, message: message.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_two_ids_and_a_message() {
        let (old, new) = ("0".repeat(40), "1".repeat(40));
        let line = |rest: &str| entry(&format!("{old} {new} A B <a@b> 1700000000 +0000{rest}"));
        let message = |entry: Option<Entry>| entry.map(|entry| (entry.new.to_string(), entry.message));
        assert_eq!(message(line("\tcommit: a\tb")), Some((new.clone(), "commit: a\tb".to_owned())));
        assert_eq!(message(line("")), Some((new.clone(), String::new())));
        assert_eq!(entry("half a line"), None);
    }
}
