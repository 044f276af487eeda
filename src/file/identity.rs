//! Which file a path leads to.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether a path still leads to the open file: a lock on a file that was removed meanwhile keeps nobody out.
pub(crate) fn is_at(open: &File, path: &Path) -> bool {
    let identity = |file: Metadata| (file.dev(), file.ino());
    let there = path.metadata().map(identity).ok();
    there.is_some() && there == open.metadata().map(identity).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_was_replaced_is_no_longer_there() -> std::io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("lock");
        let open = File::create(&path)?;
        assert!(is_at(&open, &path));
        fs::remove_file(&path)?;
        assert!(!is_at(&open, &path));
        let _other = File::create(&path)?;
        assert!(!is_at(&open, &path));
        Ok(())
    }
}
