//! Untrusted text as the name of a file.

use std::fmt;
use std::path::Path;

/// A file name that cannot leave its directory: no separator, neither `.` nor `..`, at most 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileName(String);

/// The text cannot be the name of a file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} cannot be the name of a file: expected 1 to 255 bytes without '/', and not '.' or '..'")]
pub(crate) struct FileNameError(String);

impl FileName {
    /// The name, if the text can be one.
    pub(crate) fn new(text: impl Into<String>) -> Result<Self, FileNameError> {
        let text = text.into();
        let legal = (1..=255).contains(&text.len()) && text != "." && text != ".." && !text.contains(['/', '\0']);
        if legal { Ok(Self(text)) } else { Err(FileNameError(text)) }
    }
}

impl AsRef<Path> for FileName {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_directory() {
        for legal in ["main.log", "...", "a b", "..a", &"x".repeat(255)] {
            assert!(FileName::new(legal).is_ok(), "{legal}");
        }
        for wrong in ["", ".", "..", "a/b", "/a", "../x.log", "a\0b", &"x".repeat(256)] {
            assert_eq!(FileName::new(wrong), Err(FileNameError(wrong.to_owned())), "{wrong}");
        }
    }
}
