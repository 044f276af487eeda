//! Entries in a directory of this machine. Its maker can be killed at any instant: an entry counts when its manifest
//! is there, and what is not whole counts as nothing.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use serde::Serialize;

use super::blobs::Blobs;
use super::error::CacheError;
use super::key::CacheKey;
use super::known_manifests::KnownManifests;
use super::lock::Lock;
use super::look_up::LookUp;
use super::manifest::{Content, Failure, KeptArtifact, Manifest};
use crate::argo::identity::CacheName;
use crate::file::durability::sync_tree;
use crate::file::private;
use crate::file::remove::remove_tree;
use crate::file::replace::{Durable, Readers, replace_with};
use crate::file::size::size;
use crate::file::tree;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const ERROR: &str = "error.json";
const ARTIFACTS: &str = "artifacts-";
pub(super) const LOCK: &str = "lock";
/// How the names of documents begin that are not whole yet.
const UNFINISHED: &str = ".tmp";

/// What the file of a manifest tells. It is replaced, never written to, so that files of which all this is the same have the
/// same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ManifestFile {
    /// When the entry was used last, as far as that was noted: its making counts.
    pub(super) used: Option<Timestamp>,
    bytes: u64,
    /// The device and the number on it.
    place: (u64, u64),
    /// When it was changed last, in seconds and nanoseconds.
    changed: (i64, i64),
}

impl ManifestFile {
    pub(super) fn of(file: &Metadata) -> Self {
        Self {
            used: file.modified().ok().and_then(|modified| Timestamp::try_from(modified).ok()),
            bytes: file.len(),
            place: (file.dev(), file.ino()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

/// The prefix of one entry.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    pub(super) path: PathBuf,
    key: CacheKey,
    blobs: Blobs,
    known: Option<KnownManifests>,
}

impl Directory {
    /// The prefix of a key in a cache, whether it is there or not.
    pub(crate) fn new(root: &Path, cache: &CacheName, key: &CacheKey) -> Self {
        let path = root.join("cache").join(cache.as_str()).join(key.as_str());
        Self { path, key: key.clone(), blobs: Blobs::of(root), known: None }
    }

    /// The same, whose manifest may be known.
    pub(super) fn knowing(self, known: Option<&KnownManifests>) -> Self {
        Self { known: known.cloned(), ..self }
    }

    /// The entry. Any other error than that there is none is an error.
    pub(crate) fn look_up(&self) -> Result<LookUp, CacheError> {
        self.look().map(|(found, _)| found)
    }

    /// The same, with what the file of the manifest tells.
    pub(super) fn look(&self) -> Result<(LookUp, Option<ManifestFile>), CacheError> {
        let path = self.path.join(MANIFEST);
        let (found, file) = match self.known(&path) {
            Some((file, manifest)) => (LookUp::Whole(manifest), file),
            None => match read(&path) {
                Ok((text, file)) => (LookUp::read(&text, &self.key, path.display()), file),
                Err(error) if is_absent(&error) => return Ok((LookUp::Missing, None)),
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    return Ok((LookUp::Broken(format!("{} is a directory", path.display())), None));
                }
                Err(source) => return Err(CacheError::File { path, source }),
            },
        };
        if let LookUp::Whole(manifest) = &found
            && let Some(missing) = manifest.artifacts.iter().find(|artifact| !self.has(artifact))
        {
            let why = format!("{}: artifact {:?} is missing", path.display(), missing.name);
            return Ok((LookUp::Broken(why), Some(file)));
        }
        Ok((found, Some(file)))
    }

    /// The manifest, where it is known and its file is still the same.
    fn known(&self, path: &Path) -> Option<(ManifestFile, Box<Manifest>)> {
        let known = self.known.as_ref()?.take(path)?;
        let file = path.metadata().ok().filter(Metadata::is_file)?;
        (ManifestFile::of(&file) == known.0).then_some(known)
    }

    /// Has what a look has found known to the next one.
    pub(super) fn note(&self, manifest: &Manifest, file: ManifestFile) {
        if let Some(known) = &self.known {
            known.add(&self.path.join(MANIFEST), file, manifest.clone());
        }
    }

    /// Whether there is a manifest.
    pub(super) fn exists(&self) -> Result<bool, CacheError> {
        self.holds(MANIFEST)
    }

    /// Whether it stands there how the node failed last.
    pub(super) fn has_failed(&self) -> Result<bool, CacheError> {
        self.holds(ERROR)
    }

    fn holds(&self, file: &str) -> Result<bool, CacheError> {
        let path = self.path.join(file);
        match path.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(source) => Err(CacheError::File { path, source }),
        }
    }

    /// Whether an artifact is as complete as its manifest says.
    fn has(&self, artifact: &KeptArtifact) -> bool {
        match artifact.content() {
            Content::Beside(path) => self.beside(path).is_some_and(|path| path.symlink_metadata().is_ok()),
            Content::Blob(blob) => self.blobs.has(blob),
            Content::Absent => true,
        }
    }

    /// The path of an artifact beside the manifest; none where it would leave the prefix.
    fn beside(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        inside.then(|| self.path.join(path))
    }

    /// The blobs of the store.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Makes an artifact's file or directory at a path where nothing is.
    pub(crate) fn restore(&self, artifact: &KeptArtifact, place: &Path) -> io::Result<()> {
        match artifact.content() {
            Content::Blob(blob) => self.blobs.restore(blob, place),
            Content::Absent => Ok(()),
            Content::Beside(path) => {
                let source = self.beside(path).ok_or(io::ErrorKind::InvalidData)?;
                tree::copy(&source, place)
            }
        }
    }

    /// Notes that the entry was used now; what cannot be noted costs a prune its knowledge and nothing else.
    pub(crate) fn touch(&self) {
        let kept = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: kept, last_modification: now };
        let _ = rustix::fs::utimensat(rustix::fs::CWD, self.path.join(MANIFEST), &times, AtFlags::empty());
    }

    /// The bytes of the manifest and the artifacts beside it.
    pub(super) fn bytes(&self, manifest: Option<ManifestFile>) -> u64 {
        let manifest = manifest.map(|file| file.bytes).unwrap_or_default();
        // One that holds no directory has no link but its name and `.`, where links are counted.
        if self.path.metadata().is_ok_and(|prefix| prefix.nlink() == 2) {
            return manifest;
        }
        let artifacts = self.entries().filter(|entry| entry.file_name().to_string_lossy().starts_with(ARTIFACTS));
        manifest + artifacts.map(|entry| size(&entry.path(), u64::MAX)).sum::<u64>()
    }

    /// Removes the entry under its lock: first the manifest, so that nothing half-removed counts. The prefix goes with it
    /// unless another puts something there.
    pub(super) fn remove(&self, lock: Lock) -> Result<(), CacheError> {
        let manifest = self.path.join(MANIFEST);
        let removed = if manifest.is_dir() { fs::remove_dir_all(&manifest) } else { fs::remove_file(&manifest) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(CacheError::File { path: manifest, source: error });
            }
            _ => {}
        }
        self.sweep(None);
        let _ = fs::remove_file(self.path.join(LOCK));
        let _ = fs::remove_dir(&self.path);
        drop(lock);
        Ok(())
    }

    fn entries(&self) -> impl Iterator<Item = fs::DirEntry> {
        fs::read_dir(&self.path).into_iter().flatten().flatten()
    }

    /// Makes the entry from a manifest and the places of its artifacts; an older entry is replaced at once. Gives the
    /// manifest's file, which may not be on the disk yet.
    pub(crate) fn keep(&self, mut manifest: Manifest, artifacts: &[(String, PathBuf)]) -> Result<File, CacheError> {
        let error = || CacheError::at(&self.path);
        private::create_directory(&self.path).map_err(error())?;
        let mut kept = None;
        if !artifacts.is_empty() {
            let directory = tempfile::Builder::new().prefix(ARTIFACTS).tempdir_in(&self.path).map_err(error())?;
            let name = directory.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            for (place, (artifact, source)) in artifacts.iter().enumerate() {
                tree::copy(source, &directory.path().join(place.to_string())).map_err(CacheError::at(source))?;
                manifest.artifacts.push(KeptArtifact {
                    name: artifact.clone(),
                    path: format!("{name}/{place}"),
                    blob: None,
                });
            }
            // A manifest must not outlive a power cut that its artifacts have not outlived.
            sync_tree(directory.path()).map_err(error())?;
            kept = Some((directory, name));
        }
        self.write(MANIFEST, &manifest)?;
        let current = kept.map(|(directory, name)| {
            let _ = directory.keep();
            name
        });
        self.sweep(current.as_deref());
        let path = self.path.join(MANIFEST);
        File::open(&path).map_err(CacheError::at(&path))
    }

    /// Notes how the node failed; an entry of an earlier success stays.
    pub(crate) fn fail(&self, failure: &Failure) -> Result<(), CacheError> {
        private::create_directory(&self.path).map_err(CacheError::at(&self.path))?;
        self.write(ERROR, failure)
    }

    fn write(&self, name: &str, document: &impl Serialize) -> Result<(), CacheError> {
        let path = self.path.join(name);
        // A power cut may cost the entry, never make half of one: it is renamed when it is whole.
        replace_with(&path, Readers::Owner, Durable::No, |file| Ok(serde_json::to_writer_pretty(file, document)?))
            .map_err(CacheError::at(&path))
    }

    /// Removes the last failure and artifacts of former entries; what stays behind costs space and nothing else.
    fn sweep(&self, current: Option<&str>) {
        let _ = fs::remove_file(self.path.join(ERROR));
        for entry in self.entries() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(ARTIFACTS) && Some(name.as_str()) != current {
                let _ = remove_tree(&entry.path());
            }
            // Left by a process that was killed between writing and renaming.
            if name.starts_with(UNFINISHED) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The text of a manifest and what its file tells; the file is replaced, never written to.
fn read(path: &Path) -> io::Result<(Vec<u8>, ManifestFile)> {
    let mut file = File::open(path)?;
    let found = file.metadata()?;
    let mut text = vec![0; usize::try_from(found.len()).map_err(io::Error::other)?];
    file.read_exact(&mut text)?;
    Ok((text, ManifestFile::of(&found)))
}

/// The names below a cache that may be keys of entries; none where the cache cannot be listed.
pub(crate) fn listed_keys(root: &Path, cache: &str) -> HashSet<String> {
    let entries = fs::read_dir(root.join("cache").join(cache)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Whether there is nothing at a path: where its prefix is a file, there is nothing in it either.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;
    use crate::cache::manifest::VERSION;

    fn manifest(key: &str) -> Manifest {
        Manifest {
            version: VERSION,
            key: key.to_owned(),
            cache_name: "runnable-abc123".to_owned(),
            node_id: "wf-1".to_owned(),
            node_name: "wf.a".to_owned(),
            template: "a".to_owned(),
            workflow_uid: "u".to_owned(),
            run_id: "r".to_owned(),
            outputs: None,
            artifacts: Vec::new(),
            stdout: None,
            runtime: None,
            tool: String::new(),
            finished_at: Timestamp::UNIX_EPOCH,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn prefix(root: &Path) -> Result<Directory, Box<dyn Error>> {
        Ok(Directory::new(root, &"runnable-abc123".parse()?, &"k".parse()?))
    }

    #[test]
    fn an_entry_is_found_with_its_artifacts_and_replaced_whole() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let prefix = prefix(root.path())?;
        assert_eq!(prefix.look_up()?, LookUp::Missing);
        let source = root.path().join("out");
        for text in ["one", "two"] {
            fs::write(&source, text)?;
            prefix.keep(manifest("k"), &[("out".to_owned(), source.clone())])?;
            let LookUp::Whole(found) = prefix.look_up()? else { return Err("no entry".into()) };
            let place = root.path().join("restored");
            prefix.restore(&found.artifacts[0], &place)?;
            assert_eq!(fs::read_to_string(&place)?, text);
        }
        let directories = fs::read_dir(&prefix.path)?.flatten().filter(|entry| entry.path().is_dir()).count();
        assert_eq!(directories, 1, "artifacts of the former entry are gone");
        Ok(())
    }

    #[test]
    fn what_is_not_whole_is_no_entry() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let prefix = prefix(root.path())?;
        let source = root.path().join("out");
        fs::write(&source, "x")?;
        prefix.keep(manifest("k"), &[("out".to_owned(), source.clone())])?;
        let path = prefix.path.join(MANIFEST);
        let whole = fs::read_to_string(&path)?;
        for broken in ["", "{", "[]", &whole[..whole.len() / 2], &whole.replace("\"k\"", "\"other\"")] {
            fs::write(&path, broken)?;
            assert!(matches!(prefix.look_up()?, LookUp::Broken(_)), "{broken}");
        }
        fs::write(&path, whole.replace("\"version\": 2", "\"version\": 3, \"new\": true"))?;
        assert_eq!(prefix.look_up()?, LookUp::OtherVersion);
        let outside = whole.replace("artifacts-", "../artifacts-");
        fs::write(&path, outside)?;
        assert!(matches!(prefix.look_up()?, LookUp::Broken(_)));
        fs::write(&path, whole)?;
        prefix.sweep(None);
        assert!(matches!(prefix.look_up()?, LookUp::Broken(_)), "its artifact is missing");
        Ok(())
    }

    #[test]
    fn a_failure_leaves_no_entry_and_a_success_no_failure() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let prefix = prefix(root.path())?;
        let text = |text: &str| text.to_owned();
        let failure = Failure {
            version: VERSION,
            node_id: text("wf-1"),
            workflow_uid: text("u"),
            phase: text("Failed"),
            message: text("main: Error (exit code 1)"),
        };
        prefix.fail(&failure)?;
        assert_eq!(prefix.look_up()?, LookUp::Missing);
        assert!(prefix.path.join(ERROR).is_file());
        prefix.keep(manifest("k"), &[])?;
        assert!(!prefix.path.join(ERROR).exists());
        let missing = [("out".to_owned(), root.path().join("nowhere"))];
        assert!(prefix.keep(manifest("k"), &missing).is_err());
        assert!(matches!(prefix.look_up()?, LookUp::Whole(_)), "the former entry stays");
        Ok(())
    }

    #[test]
    fn an_entry_is_removed_only_by_who_holds_it_and_as_a_whole() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let prefix = prefix(root.path())?;
        assert!(prefix.try_lock()?.is_none(), "nothing is there");
        let source = root.path().join("out");
        fs::write(&source, "x")?;
        prefix.keep(manifest("k"), &[("out".to_owned(), source)])?;
        let maker = prefix.lock()?;
        assert!(prefix.try_lock()?.is_none(), "someone makes it");
        drop(maker);
        let lock = prefix.try_lock()?.ok_or("nobody makes it")?;
        prefix.remove(lock)?;
        assert!(!prefix.path.exists());
        fs::create_dir_all(prefix.path.join(MANIFEST))?;
        assert!(matches!(prefix.look_up()?, LookUp::Broken(_)), "a directory is no manifest");
        prefix.remove(prefix.lock()?)?;
        assert!(!prefix.path.exists());
        Ok(())
    }

    #[test]
    fn a_use_is_noted() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let prefix = prefix(root.path())?;
        prefix.keep(manifest("k"), &[])?;
        let past = std::time::SystemTime::UNIX_EPOCH;
        File::options().write(true).open(prefix.path.join(MANIFEST))?.set_modified(past)?;
        let used = || prefix.look().map(|(_, file)| file.and_then(|file| file.used));
        assert_eq!(used()?, Some(Timestamp::UNIX_EPOCH));
        prefix.touch();
        assert!(used()? > Some(Timestamp::UNIX_EPOCH));
        Ok(())
    }
}
