//! The caches of a store of manifests: a directory of this machine. Runs of it may work while it is read and changed.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread::{self, available_parallelism};

use jiff::{SignedDuration, Timestamp};

use super::attempts::AttemptNumbers;
use super::blobs::Blobs;
use super::change::Change;
use super::contents::{Cache, Object, Place};
use super::digest::{BLOBS, Digest, named_in};
use super::directory::{Directory, LOCK, MANIFEST, is_absent};
use super::entry::{Entry, State};
use super::error::CacheError;
use super::key::CacheKey;
use super::known_manifests::KnownManifests;
use super::look_up::LookUp;
use super::manifest::Manifest;
use super::store::{Carried, Collected, Removed};
use crate::argo::identity::CacheName;
use crate::file::private;
use crate::file::replace::{Readers, replace};

/// The file of the numbers of attempts; no entry has such a name.
pub(super) const ATTEMPTS: &str = ".attempts";

/// Entries are read by so many threads at most, each of which reads so many at least.
const MOST_THREADS: usize = 4;
const OF_A_THREAD: usize = 100;

/// A store: the directory that holds `cache/`.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    root: PathBuf,
    /// The manifests that were read and will be asked for again, where they are kept.
    known: Option<KnownManifests>,
}

impl DirectoryStore {
    /// The store in a directory, whether anything is there or not.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), known: None }
    }

    /// The same store, which knows the manifests of a cache that was read when they are asked for one by one.
    pub(crate) fn remembering(self) -> Self {
        Self { known: Some(KnownManifests::default()), ..self }
    }

    /// The prefix of an entry.
    pub(super) fn prefix(&self, name: &CacheName, key: &CacheKey) -> Directory {
        Directory::new(&self.root, name, key).knowing(self.known.as_ref())
    }

    /// The directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The names of its caches.
    pub(crate) fn names(&self) -> Result<Vec<CacheName>, CacheError> {
        let mut names: Vec<CacheName> =
            listed(&self.root.join("cache"))?.iter().filter_map(|name| name.parse().ok()).collect();
        names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        Ok(names)
    }

    /// A cache; none where there is no directory of its name.
    pub(crate) fn cache(&self, name: &CacheName) -> Result<Option<Cache>, CacheError> {
        let Some(mut cache) = self.cache_without_entries(name)? else { return Ok(None) };
        // What has no legal name is no entry, and nobody asks for it.
        let keys: Vec<CacheKey> = listed(&self.path(name))?.iter().filter_map(|key| key.parse().ok()).collect();
        let entries = self.entries(name, &keys)?.into_iter().flatten();
        cache.entries = entries.map(|entry| (entry.key.clone(), entry)).collect();
        Ok(Some(cache))
    }

    /// The entries of these keys. Many are read by several threads at once: most of the time passes in the kernel.
    fn entries(&self, name: &CacheName, keys: &[CacheKey]) -> Result<Vec<Option<Entry>>, CacheError> {
        let read = |keys: &[CacheKey]| keys.iter().map(|key| self.entry(name, key)).collect::<Result<Vec<_>, _>>();
        let threads = available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let many = keys.len().div_ceil(threads).max(OF_A_THREAD);
        let (own, others) = keys.split_at(many.min(keys.len()));
        thread::scope(|scope| {
            let others: Vec<_> = others.chunks(many).map(|keys| scope.spawn(move || read(keys))).collect();
            let mut entries = read(own)?;
            for others in others {
                entries.extend(others.join().unwrap_or_else(|panic| resume_unwind(panic))?);
            }
            Ok(entries)
        })
    }

    /// The same without its entries.
    pub(super) fn cache_without_entries(&self, name: &CacheName) -> Result<Option<Cache>, CacheError> {
        let path = self.path(name);
        if !path.is_dir() {
            return Ok(None);
        }
        let object = Object { attempts: self.attempts(name)?, ..Object::default() };
        Ok(Some(Cache { name: name.to_string(), place: Place::Store { path }, entries: BTreeMap::new(), object }))
    }

    /// Notes an attempt of a run, where the cache is there.
    pub(crate) fn note(&self, name: &CacheName, run_id: &str, number: u32) -> Result<(), CacheError> {
        let path = self.path(name);
        if !path.is_dir() {
            return Ok(());
        }
        let path = path.join(ATTEMPTS);
        match self.attempts(name)?.with(run_id, number) {
            Some(numbers) => replace(&path, Readers::Owner, numbers.text().as_bytes()).map_err(CacheError::at(&path)),
            None => Ok(()),
        }
    }

    fn attempts(&self, name: &CacheName) -> Result<AttemptNumbers, CacheError> {
        let path = self.path(name).join(ATTEMPTS);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(AttemptNumbers::read(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(AttemptNumbers::default()),
            Err(source) => Err(CacheError::at(&path)(source)),
        }
    }

    /// Carries out a change that was decided on `seen`. What has changed since then, or is being made, is left.
    pub(crate) fn carry_out(&self, seen: &Cache, change: &Change, now: Timestamp) -> Result<Carried, CacheError> {
        let Ok(name) = seen.name.parse::<CacheName>() else { return Ok(Carried::default()) };
        let mut carried = Carried::default();
        for key in &change.remove {
            let done = self.under_lock(&name, key, seen, Directory::remove)?;
            if done { carried.done.push(key.clone()) } else { carried.busy.push(key.clone()) }
        }
        for (key, entry) in &change.set {
            let manifest = Manifest::of(&name, entry, now);
            if let Ok(key) = key.parse() {
                private::create_directory(&self.path(&name).join(CacheKey::as_str(&key)))
                    .map_err(CacheError::at(&self.root))?;
            }
            let done = self.under_lock(&name, key, seen, |directory, _lock| directory.keep(manifest, &[]).map(drop))?;
            if done { carried.done.push(key.clone()) } else { carried.busy.push(key.clone()) }
        }
        Ok(carried)
    }

    /// Removes a whole cache as it was seen, with what failed nodes have left in it. What does not belong to it stays.
    pub(crate) fn remove(&self, seen: &Cache, now: Timestamp) -> Result<Removed, CacheError> {
        let Ok(name) = seen.name.parse::<CacheName>() else { return Ok(Removed::default()) };
        let remove = seen.entries.keys().cloned().collect();
        let mut busy = self.carry_out(seen, &Change { remove, ..Change::default() }, now)?.busy;
        let path = self.path(&name);
        for key in listed(&path)?.into_iter().filter(|key| !seen.entries.contains_key(key)) {
            let gone = self.under_lock(&name, &key, seen, Directory::remove)?;
            // What is locked or whole by now is being made, or was.
            let made = |file| key.parse::<CacheKey>().is_ok() && path.join(&key).join(file).exists();
            if !gone && (made(LOCK) || made(MANIFEST)) {
                busy.push(key);
            }
        }
        if busy.is_empty() {
            let _ = fs::remove_file(path.join(ATTEMPTS));
        }
        let _ = fs::remove_dir(&path);
        let mut left = listed(&path)?;
        left.retain(|name| name != ATTEMPTS && !busy.contains(name));
        left.sort();
        Ok(Removed { busy, left: left.iter().map(|name| path.join(name)).collect() })
    }

    /// Whether the act was carried out: nobody makes the entry, and it is the one that was seen.
    fn under_lock(
        &self,
        name: &CacheName,
        key: &str,
        seen: &Cache,
        act: impl FnOnce(&Directory, super::Lock) -> Result<(), CacheError>,
    ) -> Result<bool, CacheError> {
        let Ok(key) = key.parse::<CacheKey>() else { return Ok(false) };
        let directory = self.prefix(name, &key);
        let Some(lock) = directory.try_lock()? else { return Ok(false) };
        if self.entry(name, &key)?.as_ref() != seen.entries.get(key.as_str()) {
            return Ok(false);
        }
        act(&directory, lock)?;
        Ok(true)
    }

    fn entry(&self, name: &CacheName, key: &CacheKey) -> Result<Option<Entry>, CacheError> {
        let directory = self.prefix(name, key);
        let (found, file) = directory.look()?;
        let unusable = |state| Some(Entry::unusable(key.as_str(), state, directory.bytes(file)));
        Ok(match found {
            LookUp::Whole(manifest) => {
                file.inspect(|file| directory.note(&manifest, *file));
                Some(Entry::kept(*manifest, file.and_then(|file| file.used), directory.bytes(file)))
            }
            LookUp::Missing => None,
            LookUp::Broken(why) => unusable(State::Malformed(why)),
            LookUp::OtherVersion => unusable(State::OtherVersion),
        })
    }

    /// Removes the blobs that no manifest names and that are older than `grace`, by the clock of the file system.
    pub(crate) fn collect(&self, grace: SignedDuration, dry_run: bool) -> Result<Collected, CacheError> {
        let blobs = files(&self.root.join(BLOBS))?;
        let mut named = HashSet::new();
        for cache in listed(&self.root.join("cache"))? {
            for key in listed(&self.root.join("cache").join(&cache))? {
                let path = self.root.join("cache").join(&cache).join(&key).join(MANIFEST);
                match fs::read(&path) {
                    Ok(text) => named.extend(named_in(&text)),
                    Err(error) if is_absent(&error) => {}
                    Err(source) => return Err(CacheError::at(&path)(source)),
                }
            }
        }
        let mut collected = Collected::default();
        if blobs.is_empty() {
            return Ok(collected);
        }
        let now = modified(tempfile::NamedTempFile::new_in(&self.root).map_err(CacheError::at(&self.root))?.path());
        for path in blobs {
            let below = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
            let is_named = below.and_then(Digest::at).is_some_and(|digest| named.contains(&digest));
            // What has no digest is a blob that a killed process has not finished.
            let is_old = |path: &Path| {
                now.zip(modified(path)).is_some_and(|(now, modified)| now.duration_since(modified) > grace)
            };
            let bytes = path.metadata().map(|found| found.len()).unwrap_or_default();
            if is_named || !is_old(&path) {
                continue;
            }
            // An entry that was made since the manifests were read has made its blobs young.
            if dry_run || Blobs::of(&self.root).remove_if(&path, is_old).map_err(CacheError::at(&path))? {
                collected.blobs += 1;
                collected.bytes += bytes;
            }
        }
        Ok(collected)
    }

    fn path(&self, name: &CacheName) -> PathBuf {
        self.root.join("cache").join(name.as_str())
    }
}

/// The files below a directory; none where there is no such directory.
fn files(path: &Path) -> Result<Vec<PathBuf>, CacheError> {
    let mut found = Vec::new();
    for name in listed(path)? {
        let path = path.join(name);
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

fn modified(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(path.metadata().and_then(|found| found.modified()).ok()?).ok()
}

/// The names in a directory; none where there is no such directory.
fn listed(path: &Path) -> Result<Vec<String>, CacheError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(CacheError::at(path)(source)),
    };
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<io::Result<_>>().map_err(CacheError::at(path))
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;
    use crate::cache::directory::ManifestFile;

    fn store() -> Result<(tempfile::TempDir, DirectoryStore, CacheName), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let store = DirectoryStore::at(root.path());
        Ok((root, store, "runnable-abc123".parse()?))
    }

    fn keep(store: &DirectoryStore, name: &CacheName, key: &str) -> Result<Directory, Box<dyn Error>> {
        let directory = Directory::new(&store.root, name, &key.parse()?);
        let mut entry = Entry::written(key, r#"{"nodeID":"wf-1"}"#);
        entry.outputs = serde_json::json!({"result": "r"});
        directory.keep(Manifest::of(name, &entry, Timestamp::UNIX_EPOCH), &[])?;
        Ok(directory)
    }

    fn removal(keys: &[&str]) -> Change {
        Change { remove: keys.iter().map(|key| (*key).to_owned()).collect(), ..Change::default() }
    }

    #[test]
    fn entries_are_listed_broken_ones_named() -> Result<(), Box<dyn Error>> {
        let (root, store, name) = store()?;
        assert_eq!((store.names()?.len(), store.cache(&name)?), (0, None));
        keep(&store, &name, "a")?;
        keep(&store, &name, "b")?;
        let prefix = root.path().join("cache/runnable-abc123");
        fs::write(prefix.join("b/manifest.json"), "{")?;
        fs::create_dir(prefix.join("no_key"))?;
        fs::create_dir(prefix.join("empty"))?;
        let cache = store.cache(&name)?.ok_or("no cache")?;
        let states: Vec<(&str, bool)> =
            cache.entries.values().map(|entry| (entry.key.as_str(), entry.is_usable())).collect();
        assert_eq!(states, [("a", true), ("b", false)]);
        assert!(matches!(&cache.entries["b"].state, State::Malformed(why) if why.contains("b/manifest.json")));
        Ok(())
    }

    #[test]
    fn what_is_made_or_used_meanwhile_is_left() -> Result<(), Box<dyn Error>> {
        let (_root, store, name) = store()?;
        let made = keep(&store, &name, "made")?;
        let used = keep(&store, &name, "used")?;
        keep(&store, &name, "idle")?;
        let seen = store.cache(&name)?.ok_or("no cache")?;
        let _lock = made.lock()?;
        used.touch();
        let carried = store.carry_out(&seen, &removal(&["idle", "made", "used", "absent"]), Timestamp::UNIX_EPOCH)?;
        assert_eq!(
            carried,
            Carried { done: vec!["idle".into()], busy: vec!["absent".into(), "made".into(), "used".into()] }
        );
        assert_eq!(store.cache(&name)?.map(|cache| cache.entries.len()), Some(2));
        Ok(())
    }

    #[test]
    fn what_was_read_with_its_cache_is_known_as_long_as_it_is_there() -> Result<(), Box<dyn Error>> {
        let (_root, store, name) = store()?;
        let store = store.remembering();
        for key in ["same", "replaced", "used", "removed", "broken"] {
            keep(&store, &name, key)?;
        }
        store.cache(&name)?;
        let path = |key: &str| store.path(&name).join(key).join(MANIFEST);
        let found = |key: &str| Ok::<_, Box<dyn Error>>(store.prefix(&name, &key.parse()?).look()?);
        let result = |found: &LookUp| match found {
            LookUp::Whole(manifest) => manifest.outputs.as_ref().and_then(|outputs| outputs.result.clone()),
            _ => None,
        };
        assert!(store.known.as_ref().is_some_and(|known| known.take(&path("same")).is_some()));
        store.cache(&name)?;

        let other = fs::read_to_string(path("replaced"))?.replace(r#""result": "r""#, r#""result": "x""#);
        replace(&path("replaced"), Readers::Owner, other.as_bytes())?;
        store.prefix(&name, &"used".parse()?).touch();
        fs::remove_file(path("removed"))?;
        fs::write(path("broken"), "{")?;
        assert_eq!(result(&found("same")?.0).as_deref(), Some("r"));
        assert_eq!(result(&found("replaced")?.0).as_deref(), Some("x"));
        let (used, file) = found("used")?;
        assert_eq!(result(&used).as_deref(), Some("r"));
        assert_eq!(file, Some(ManifestFile::of(&path("used").metadata()?)));
        assert_eq!(found("removed")?, (LookUp::Missing, None));
        assert!(matches!(found("broken")?.0, LookUp::Broken(_)));
        Ok(())
    }

    #[test]
    fn a_cache_goes_with_its_failures_and_leaves_what_is_not_its_own() -> Result<(), Box<dyn Error>> {
        let (_root, store, name) = store()?;
        keep(&store, &name, "a")?;
        let failed = Directory::new(&store.root, &name, &"failed".parse()?);
        drop(failed.lock()?);
        fs::write(store.path(&name).join("failed/error.json"), "{}")?;
        let seen = store.cache(&name)?.ok_or("no cache")?;
        assert_eq!(store.remove(&seen, Timestamp::UNIX_EPOCH)?, Removed::default());
        assert!(!store.path(&name).exists());

        keep(&store, &name, "a")?;
        keep(&store, &name, "new")?;
        let path = store.path(&name);
        fs::write(path.join("README"), "mine")?;
        fs::create_dir(path.join("no_key"))?;
        fs::create_dir_all(path.join("mine/too"))?;
        let mut seen = store.cache(&name)?.ok_or("no cache")?;
        seen.entries.retain(|key, _| key != "new");
        let removed = store.remove(&seen, Timestamp::UNIX_EPOCH)?;
        let left = ["README", "mine", "no_key"].map(|name| path.join(name));
        assert_eq!(removed, Removed { busy: vec!["new".to_owned()], left: left.to_vec() });
        assert_eq!(fs::read_dir(path.join("mine"))?.count(), 1, "nothing is left in what is not its own");
        assert_eq!(store.cache(&name)?.map(|cache| cache.entries.len()), Some(1));
        Ok(())
    }

    #[test]
    fn an_entry_is_written_and_found_by_a_run() -> Result<(), Box<dyn Error>> {
        let (_root, store, name) = store()?;
        let entry = Entry::written(
            "a",
            r#"{"nodeID":"wf-1","outputs":{"result":"r"},"creationTimestamp":"2026-11-21T08:00:00Z"}"#,
        );
        let change = Change { set: [("a".to_owned(), entry)].into(), ..Change::default() };
        let empty = Cache {
            name: name.to_string(),
            place: Place::Store { path: store.path(&name) },
            entries: BTreeMap::new(),
            object: Object::default(),
        };
        assert_eq!(store.carry_out(&empty, &change, Timestamp::UNIX_EPOCH)?.done, ["a"]);
        let LookUp::Whole(found) = Directory::new(&store.root, &name, &"a".parse()?).look_up()? else {
            return Err("no entry".into());
        };
        assert_eq!(found.outputs.and_then(|outputs| outputs.result).as_deref(), Some("r"));
        assert_eq!(store.carry_out(&empty, &change, Timestamp::UNIX_EPOCH)?.busy, ["a"], "it is there by now");
        Ok(())
    }
}
