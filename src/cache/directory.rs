//! Entries in a directory of this machine. Its maker can be killed at any instant: an entry counts when its manifest
//! is there, and what is not whole counts as nothing.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::key::CacheKey;
use super::manifest::{Failure, KeptArtifact, Manifest, VERSION};
use crate::argo::identity::CacheName;
use crate::local::artifact;

const MANIFEST: &str = "manifest.json";
const ERROR: &str = "error.json";
const ARTIFACTS: &str = "artifacts-";

/// The file system refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}", path.display())]
pub struct CacheError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl CacheError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

/// What a look at a prefix finds.
#[derive(Debug, Clone, PartialEq)]
pub enum LookUp {
    /// A whole entry.
    Whole(Box<Manifest>),
    /// None.
    Missing,
    /// Something that is no whole entry, for this reason.
    Broken(String),
}

/// The right to make an entry, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The prefix of one entry.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
    key: CacheKey,
}

impl Directory {
    /// The prefix of a key in a cache, whether it is there or not.
    pub fn new(root: &Path, cache: &CacheName, key: &CacheKey) -> Self {
        Self { path: root.join("cache").join(cache.as_str()).join(key.as_str()), key: key.clone() }
    }

    /// Waits until nobody else makes the entry.
    pub fn lock(&self) -> Result<Lock, CacheError> {
        fs::create_dir_all(&self.path).map_err(CacheError::at(&self.path))?;
        let path = self.path.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(CacheError::at(&path))?;
        file.lock().map_err(CacheError::at(&path))?;
        Ok(Lock { _file: file })
    }

    /// The entry. Any other error than that there is none is an error.
    pub fn look_up(&self) -> Result<LookUp, CacheError> {
        let path = self.path.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LookUp::Missing),
            Err(source) => return Err(CacheError { path, source }),
        };
        let manifest: Manifest = match serde_json::from_slice(&text) {
            Ok(manifest) => manifest,
            Err(error) => return Ok(LookUp::Broken(format!("{} is no manifest: {error}", path.display()))),
        };
        if manifest.version != VERSION || manifest.key != self.key.as_str() {
            return Ok(LookUp::Broken(format!("{} is of another version or key", path.display())));
        }
        for artifact in &manifest.artifacts {
            if self.artifact(artifact).is_none_or(|path| path.symlink_metadata().is_err()) {
                return Ok(LookUp::Broken(format!("{}: artifact {:?} is missing", path.display(), artifact.name)));
            }
        }
        Ok(LookUp::Whole(Box::new(manifest)))
    }

    /// The file or directory of an artifact; none where its path would leave the prefix.
    pub fn artifact(&self, artifact: &KeptArtifact) -> Option<PathBuf> {
        let path = Path::new(&artifact.path);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        (inside && !artifact.path.is_empty()).then(|| self.path.join(path))
    }

    /// Makes the entry from a manifest and the places of its artifacts; an older entry is replaced at once.
    pub fn keep(&self, mut manifest: Manifest, artifacts: &[(String, PathBuf)]) -> Result<(), CacheError> {
        let error = || CacheError::at(&self.path);
        fs::create_dir_all(&self.path).map_err(error())?;
        let mut kept = None;
        if !artifacts.is_empty() {
            let directory = tempfile::Builder::new().prefix(ARTIFACTS).tempdir_in(&self.path).map_err(error())?;
            let name = directory.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            for (place, (artifact, source)) in artifacts.iter().enumerate() {
                artifact::copy(source, &directory.path().join(place.to_string())).map_err(CacheError::at(source))?;
                manifest.artifacts.push(KeptArtifact { name: artifact.clone(), path: format!("{name}/{place}") });
            }
            kept = Some((directory, name));
        }
        self.write(MANIFEST, &manifest)?;
        let current = kept.map(|(directory, name)| {
            let _ = directory.keep();
            name
        });
        self.sweep(current.as_deref());
        Ok(())
    }

    /// Notes how the node failed; an entry of an earlier success stays.
    pub fn fail(&self, failure: &Failure) -> Result<(), CacheError> {
        fs::create_dir_all(&self.path).map_err(CacheError::at(&self.path))?;
        self.write(ERROR, failure)
    }

    fn write(&self, name: &str, document: &impl Serialize) -> Result<(), CacheError> {
        let path = self.path.join(name);
        let replace = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            serde_json::to_writer_pretty(io::BufWriter::new(&mut file), document)?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        replace().map_err(CacheError::at(&path))
    }

    /// Removes the last failure and artifacts of former entries; what stays behind costs space and nothing else.
    fn sweep(&self, current: Option<&str>) {
        let _ = fs::remove_file(self.path.join(ERROR));
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(ARTIFACTS) && Some(name.as_str()) != current {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use jiff::Timestamp;

    use super::*;

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
            let path = prefix.artifact(&found.artifacts[0]).ok_or("no path")?;
            assert_eq!(fs::read_to_string(path)?, text);
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
        for broken in ["", "{", "[]", &whole[..whole.len() / 2], &whole.replace("\"version\": 1", "\"version\": 2")] {
            fs::write(&path, broken)?;
            assert!(matches!(prefix.look_up()?, LookUp::Broken(_)), "{broken}");
        }
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
    fn one_makes_an_entry_at_a_time() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let prefix = prefix(root.path())?;
        let lock = prefix.lock()?;
        let other = File::options().write(true).open(prefix.path.join("lock"))?;
        assert!(other.try_lock().is_err());
        drop(lock);
        assert!(other.try_lock().is_ok());
        Ok(())
    }
}
