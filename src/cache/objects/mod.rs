//! A store in a bucket. All requests of this module are made by threads of its own, so that callers may be threads, and
//! tasks of any runtime.
//!
//! ```text
//! <prefix>/cache/<cache>/<key>/manifest.json   the entry: created under a condition, last
//!                              error.json      how the command failed last
//!                              lease.json      who makes the entry
//!                              last-hit        empty; its time is that of the last use, to a day
//! <prefix>/cache/<cache>/.attempts             the highest numbers of attempts, by run
//! <prefix>/blobs/b3/<2 digits>/<62 digits>     contents by their digests
//! ```

mod blobs;
mod collect;
mod connect;
mod fault;
mod files;
mod lease;
mod prefix;
mod profile;
mod role;
mod runtime;
mod store;

use std::sync::{Arc, OnceLock};

use futures::TryStreamExt;
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{
    Attribute, Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion,
};

use self::runtime::Runtime;
use super::address::{BucketAddress, BucketKind};
use super::error::CacheError;

pub(crate) use self::connect::{Access, Credentials, environment_has_credentials};
pub use self::fault::Fault;
pub(crate) use self::lease::Lease;
pub(crate) use self::prefix::ObjectPrefix;

/// Requests that are made at once.
pub(super) const AT_ONCE: usize = 32;

/// A store in a bucket.
#[derive(Debug, Clone)]
pub struct Objects {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Arc<dyn ObjectStore>,
    base: Path,
    address: BucketAddress,
    /// Whether conditions are used; without them entries are replaced whatever they are.
    conditions: bool,
    /// Set once the store has shown that it knows conditions.
    probed: OnceLock<()>,
    runtime: Runtime,
}

/// The state of an object, by which a condition names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    e_tag: Option<String>,
    version: Option<String>,
}

/// An object without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cache) struct Meta {
    /// Its path below the store's prefix.
    pub(super) path: String,
    pub(super) size: u64,
    /// By the server's clock.
    pub(super) modified: Timestamp,
    pub(super) version: Version,
}

/// When an object may be written.
#[derive(Debug, Clone)]
pub(super) enum When {
    /// There is none.
    Absent,
    /// It has this state.
    Is(Version),
    /// Always.
    Always,
}

impl Objects {
    /// The store at an address, with the credentials of the environment. Sends nothing yet.
    pub(crate) fn open(address: BucketAddress, conditions: bool) -> Result<Self, CacheError> {
        Self::open_as(address, &Access::default(), conditions)
    }

    /// The store at an address, with these credentials. Sends nothing yet.
    pub(crate) fn open_as(address: BucketAddress, access: &Access, conditions: bool) -> Result<Self, CacheError> {
        let failed = |what: String| CacheError::Store { object: address.to_string(), source: Fault::new(what) };
        let client = connect::client(&address, access).map_err(|error| failed(Fault::of(&error).to_string()))?;
        let base = Path::parse(&address.prefix).map_err(|error| failed(error.to_string()))?;
        let runtime = Runtime::start().map_err(|error| failed(format!("cannot start threads: {error}")))?;
        Ok(Self { inner: Arc::new(Inner { client, base, address, conditions, probed: OnceLock::new(), runtime }) })
    }

    /// The address.
    pub(crate) fn address(&self) -> &BucketAddress {
        &self.inner.address
    }

    fn location(&self, path: &str) -> Path {
        let parts = path.split('/').filter(|part| !part.is_empty());
        self.inner.base.parts().chain(parts.map(object_store::path::PathPart::from)).collect()
    }

    fn below(&self, location: &Path) -> String {
        let base = self.inner.base.as_ref();
        let path = location.as_ref();
        path.strip_prefix(base).unwrap_or(path).trim_start_matches('/').to_owned()
    }

    /// How an object is named to users.
    pub(crate) fn named(&self, path: &str) -> String {
        format!("{}/{path}", self.inner.address)
    }

    fn error(&self, path: &str, error: &Error) -> CacheError {
        CacheError::Store { object: self.named(path), source: Fault::of(error) }
    }

    fn block<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.inner.runtime.block(work)
    }

    /// An object's content; none where there is no object.
    pub(super) fn get(&self, path: &str) -> Result<Option<(Vec<u8>, Meta)>, CacheError> {
        let (objects, path) = (self.clone(), path.to_owned());
        self.block(async move { objects.get_now(&path).await })
    }

    async fn get_now(&self, path: &str) -> Result<Option<(Vec<u8>, Meta)>, CacheError> {
        let got = async {
            let result = self.inner.client.get(&self.location(path)).await?;
            let meta = result.meta.clone();
            Ok::<_, Error>((result.bytes().await?.to_vec(), meta))
        };
        match got.await {
            Ok((bytes, meta)) => Ok(Some((bytes, self.meta(&meta)))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error(path, &error)),
        }
    }

    /// An object's state; none where there is no object.
    pub(super) fn head(&self, path: &str) -> Result<Option<Meta>, CacheError> {
        let (objects, path) = (self.clone(), path.to_owned());
        self.block(async move { objects.head_now(&path).await })
    }

    async fn head_now(&self, path: &str) -> Result<Option<Meta>, CacheError> {
        match self.inner.client.head(&self.location(path)).await {
            Ok(meta) => Ok(Some(self.meta(&meta))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error(path, &error)),
        }
    }

    /// Writes an object; none where the condition does not hold.
    pub(super) fn put(&self, path: &str, content: Vec<u8>, when: &When) -> Result<Option<Version>, CacheError> {
        let mode = match when {
            _ if !self.inner.conditions => PutMode::Overwrite,
            When::Always => PutMode::Overwrite,
            When::Absent => PutMode::Create,
            When::Is(version) => PutMode::Update(version.clone().into()),
        };
        let is_document = path.rsplit_once('.').is_some_and(|(_, extension)| extension == "json");
        let kind = if is_document { "application/json" } else { "application/octet-stream" };
        let mut options = PutOptions::from(mode);
        options.attributes.insert(Attribute::ContentType, kind.into());
        let (client, location) = (Arc::clone(&self.inner.client), self.location(path));
        let payload = PutPayload::from(content);
        match self.block(async move { client.put_opts(&location, payload, options).await }) {
            Ok(put) => Ok(Some(Version { e_tag: put.e_tag, version: put.version })),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(None),
            Err(error) => Err(self.error(path, &error)),
        }
    }

    /// Makes sure that the store knows conditions, by two writes of an object of this process that both have to be refused.
    fn probe(&self, path: &str) -> Result<(), CacheError> {
        if self.inner.probed.get().is_some() || !self.inner.conditions {
            return Ok(());
        }
        let other = Version { e_tag: Some(format!("\"{:032x}\"", 0)), version: None };
        let conditions = match self.address().kind {
            BucketKind::S3 => vec![When::Absent, When::Is(other)],
            BucketKind::Gcs | BucketKind::Azure => vec![When::Absent],
        };
        for when in conditions {
            if self.put(path, Vec::new(), &when)?.is_some() {
                let source = Fault::unconditional("the store ignores the conditions of a write");
                return Err(CacheError::Store { object: self.inner.address.to_string(), source });
            }
        }
        let _ = self.inner.probed.set(());
        Ok(())
    }

    /// Whether it can be written and knows conditions, by an object that is made and removed.
    pub(crate) fn check_writes(&self) -> Result<(), CacheError> {
        let path = format!("blobs/.probe-{:016x}", rand::random::<u64>());
        self.put(&path, Vec::new(), &When::Absent)?;
        let probed = self.probe(&path);
        self.delete(&path)?;
        probed
    }

    /// Removes an object; a missing one is no error.
    pub(super) fn delete(&self, path: &str) -> Result<(), CacheError> {
        let (client, location) = (Arc::clone(&self.inner.client), self.location(path));
        match self.block(async move { client.delete(&location).await }) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(path, &error)),
        }
    }

    /// All objects below a path.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Meta>, CacheError> {
        let (client, location) = (Arc::clone(&self.inner.client), self.location(path));
        let listed = self.block(async move { client.list(Some(&location)).try_collect::<Vec<ObjectMeta>>().await });
        let listed = listed.map_err(|error| self.error(path, &error))?;
        Ok(listed.iter().map(|meta| self.meta(meta)).collect())
    }

    /// The names of the directories at a path.
    pub(super) fn directories(&self, path: &str) -> Result<Vec<String>, CacheError> {
        let (client, location) = (Arc::clone(&self.inner.client), self.location(path));
        let listed = self.block(async move { client.list_with_delimiter(Some(&location)).await });
        let listed = listed.map_err(|error| self.error(path, &error))?;
        Ok(listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect())
    }

    fn meta(&self, meta: &ObjectMeta) -> Meta {
        Meta {
            path: self.below(&meta.location),
            size: meta.size,
            modified: Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or_default(),
            version: Version { e_tag: meta.e_tag.clone(), version: meta.version.clone() },
        }
    }
}

impl From<Version> for UpdateVersion {
    fn from(Version { e_tag, version }: Version) -> Self {
        Self { e_tag, version }
    }
}
