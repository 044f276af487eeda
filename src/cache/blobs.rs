//! The blobs of a directory store: contents by their digests, shared by all entries.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::archive;
use super::manifest::Blob;
use super::prefix::Stop;
use crate::file::private;
use crate::file::replace::{Durable, Readers, replace_with};

/// The blobs below the directory of a store.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    root: PathBuf,
}

impl Blobs {
    /// Those of a store.
    pub(crate) fn of(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Stores a file or directory. One that changes meanwhile is an error.
    pub(crate) fn put(&self, source: &Path, stop: &Stop) -> io::Result<Blob> {
        let blob = archive::measure(source, stop)?;
        let path = self.path(&blob);
        if self.has(&blob) {
            // As young as a new one: a prune that collects old blobs leaves it.
            File::options()
                .write(true)
                .open(&path)?
                .set_modified(std::time::SystemTime::from(jiff::Timestamp::now()))?;
            return Ok(blob);
        }
        if let Some(directory) = path.parent() {
            private::create_directory(directory)?;
        }
        replace_with(&path, Readers::Owner, Durable::Yes, |file: &mut dyn Write| {
            archive::write(source, &blob, stop, file)
        })?;
        Ok(blob)
    }

    /// Whether the store has a blob, as far as its size tells.
    pub(crate) fn has(&self, blob: &Blob) -> bool {
        self.path(blob).metadata().is_ok_and(|found| found.is_file() && found.len() == blob.size)
    }

    /// Makes the file or directory of a blob at a path where nothing is.
    pub(crate) fn restore(&self, blob: &Blob, place: &Path) -> io::Result<()> {
        archive::unpack(blob, File::open(self.path(blob))?, place)
    }

    fn path(&self, blob: &Blob) -> PathBuf {
        self.root.join(blob.digest.path())
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;

    use super::*;

    #[test]
    fn equal_contents_are_one_blob() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        let blobs = Blobs::of(&path("store"));
        for name in ["a", "b"] {
            fs::write(path(name), "same")?;
        }
        let blob = blobs.put(&path("a"), &Stop::default())?;
        let stored = blobs.path(&blob);
        File::options().write(true).open(&stored)?.set_modified(std::time::SystemTime::UNIX_EPOCH)?;
        assert_eq!(blobs.put(&path("b"), &Stop::default())?, blob);
        assert!(stored.metadata()?.modified()? > std::time::SystemTime::UNIX_EPOCH, "it counts as new");
        blobs.restore(&blob, &path("c"))?;
        assert_eq!(fs::read_to_string(path("c"))?, "same");

        fs::write(&stored, "sam")?;
        assert!(!blobs.has(&blob));
        fs::write(&stored, "smae")?;
        assert!(blobs.restore(&blob, &path("d")).is_err());
        Ok(())
    }
}
