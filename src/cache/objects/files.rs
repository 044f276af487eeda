//! Objects of any name as files: what is no cache, but lies in a bucket.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path as FilePath;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::{Fault, Objects};
use crate::cache::error::CacheError;
use crate::cache::prefix::Stop;

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// What a download came to.
enum Download {
    Done,
    Absent,
    Refused(Error),
    File(io::Error),
}

impl Objects {
    /// Writes an object's content to a file that is made; whether there is such an object.
    pub(crate) fn download(&self, key: &str, target: &FilePath, stop: &Stop) -> Result<bool, CacheError> {
        let (client, location, stop) = (Arc::clone(&self.inner.client), self.key(key)?, stop.clone());
        let mut file = File::create(target).map_err(CacheError::at(target))?;
        let downloaded = self.block(async move {
            let mut content = match client.get(&location).await {
                Ok(found) => found.into_stream(),
                Err(Error::NotFound { .. }) => return Download::Absent,
                Err(error) => return Download::Refused(error),
            };
            loop {
                match content.try_next().await {
                    Ok(None) => return Download::Done,
                    Ok(Some(part)) => {
                        if let Err(error) = stop.check().and_then(|()| file.write_all(&part)) {
                            return Download::File(error);
                        }
                    }
                    Err(error) => return Download::Refused(error),
                }
            }
        });
        match downloaded {
            Download::Done => return Ok(true),
            Download::Refused(error) => return Err(self.error(key, &error)),
            Download::File(error) => return Err(CacheError::at(target)(error)),
            Download::Absent => {}
        }
        std::fs::remove_file(target).map_err(CacheError::at(target))?;
        Ok(false)
    }

    /// Stores a file's content as an object.
    pub(crate) fn upload(&self, key: &str, source: &FilePath, stop: &Stop) -> Result<(), CacheError> {
        let mut file = File::open(source).map_err(CacheError::at(source))?;
        let size = file.metadata().map_err(CacheError::at(source))?.len();
        // What is written may have no letter that this client would write otherwise.
        if self.key(key)? != self.location(key) {
            return Err(self.unusable(key));
        }
        self.put_as_written(key, source, size, |out| {
            let mut buffer = vec![0; BUFFER];
            loop {
                stop.check()?;
                let count = file.read(&mut buffer)?;
                if count == 0 {
                    return Ok(());
                }
                out.write_all(&buffer[..count])?;
            }
        })
    }

    /// The keys of all objects below a key, in order. What only stands for a directory is none.
    pub(crate) fn keys_below(&self, key: &str) -> Result<Vec<String>, CacheError> {
        let (client, location) = (Arc::clone(&self.inner.client), self.key(key)?);
        let listed = self.block(async move { client.list(Some(&location)).try_collect::<Vec<ObjectMeta>>().await });
        let listed = listed.map_err(|error| self.error(key, &error))?;
        let mut keys: Vec<String> = listed.iter().map(|meta| self.below(&meta.location)).collect();
        keys.retain(|found| !found.ends_with('/') && found != key);
        keys.sort();
        Ok(keys)
    }

    /// Where an object of this key is.
    fn key(&self, key: &str) -> Result<Path, CacheError> {
        let path = Path::parse(key.trim_end_matches('/')).map_err(|_| self.unusable(key))?;
        Ok(self.inner.base.parts().chain(path.parts()).collect())
    }

    fn unusable(&self, key: &str) -> CacheError {
        let source = Fault::new("this key cannot be used: expected names with single '/' between them");
        CacheError::Store { object: self.named(key), source }
    }
}
