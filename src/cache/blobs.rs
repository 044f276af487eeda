//! The blobs of a directory store: contents by their digests, shared by all entries.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::archive;
use super::manifest::Blob;
use super::prefix::{Stop, There};
use crate::file::private;
use crate::file::replace::{Durable, Readers, replace_with};

const DIRECTORY: &str = "blobs";
/// The file of the lock. It is no blob.
const GATE: &str = "blobs/lock";

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
    pub(crate) fn put(&self, source: &Path, there: There, stop: &Stop) -> io::Result<Blob> {
        let blob = archive::measure(source, stop)?;
        let path = self.path(&blob);
        if there == There::Trusted && self.renew(&blob)? {
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

    /// Makes a blob as young as a new one, so that a prune that collects old ones leaves it; false where there is none.
    fn renew(&self, blob: &Blob) -> io::Result<bool> {
        if !self.has(blob) {
            return Ok(false);
        }
        let _shared = self.gate(File::lock_shared)?;
        // A prune may have removed it until the gate was open.
        match File::options().write(true).open(self.path(blob)) {
            Ok(file) => file.set_modified(std::time::SystemTime::from(jiff::Timestamp::now())).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a blob if `is_old` says so of its file, which nobody makes young meanwhile; whether it did.
    pub(crate) fn remove_if(&self, path: &Path, is_old: impl FnOnce(&Path) -> bool) -> io::Result<bool> {
        let _alone = self.gate(File::lock)?;
        if !is_old(path) {
            return Ok(false);
        }
        std::fs::remove_file(path).map(|()| true)
    }

    /// The lock between those who count on blobs that are there and those who remove them, until it is dropped.
    fn gate(&self, lock: impl FnOnce(&File) -> io::Result<()>) -> io::Result<File> {
        let path = self.root.join(GATE);
        private::create_directory(&self.root.join(DIRECTORY))?;
        let file = private::file().truncate(false).write(true).open(path)?;
        lock(&file)?;
        Ok(file)
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
        let blob = blobs.put(&path("a"), There::Trusted, &Stop::default())?;
        let stored = blobs.path(&blob);
        File::options().write(true).open(&stored)?.set_modified(std::time::SystemTime::UNIX_EPOCH)?;
        assert_eq!(blobs.put(&path("b"), There::Trusted, &Stop::default())?, blob);
        assert!(stored.metadata()?.modified()? > std::time::SystemTime::UNIX_EPOCH, "it counts as new");
        blobs.restore(&blob, &path("c"))?;
        assert_eq!(fs::read_to_string(path("c"))?, "same");

        fs::write(&stored, "sam")?;
        assert!(!blobs.has(&blob));
        fs::write(&stored, "smae")?;
        assert!(blobs.restore(&blob, &path("d")).is_err());
        blobs.put(&path("a"), There::Trusted, &Stop::default())?;
        assert!(blobs.restore(&blob, &path("e")).is_err(), "its size is right");
        blobs.put(&path("a"), There::Distrusted, &Stop::default())?;
        blobs.restore(&blob, &path("f"))?;
        Ok(())
    }
}
