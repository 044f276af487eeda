//! Blobs of a bucket: uploaded in parts and read as they come, so that memory does not grow with their size.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use object_store::{Error, MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::sync::mpsc;

use super::{Fault, Objects, When};
use crate::cache::archive;
use crate::cache::error::CacheError;
use crate::cache::manifest::Blob;
use crate::cache::prefix::{RestoreError, Stop};

/// Bytes of a part: the least that S3 takes.
const PART: usize = 5 * 1024 * 1024;
/// S3 takes 10,000 parts.
const MOST_PARTS: u64 = 9_900;
/// Larger parts would take too much memory.
const LARGEST_PART: u64 = 10 * 1024 * 1024;
/// Parts on their way at once.
const PARTS: usize = 2;
/// Pieces of a download that wait to be read; the server sends no faster.
const PIECES: usize = 2;
/// A blob of this age may be collected soon: it is stored again. Half of what `prune` spares.
const OLD: SignedDuration = SignedDuration::from_hours(12);

impl Objects {
    /// Stores a file or directory. `now` is the server's time; without it what is there already is stored again.
    pub(super) fn put_blob(&self, source: &Path, now: Option<Timestamp>, stop: &Stop) -> Result<Blob, CacheError> {
        let blob = archive::measure(source, stop).map_err(CacheError::at(source))?;
        let path = blob.digest.path();
        let is_young = |modified| now.is_some_and(|now| now.duration_since(modified) < OLD);
        if self.head(&path)?.is_some_and(|found| found.size == blob.size && is_young(found.modified)) {
            return Ok(blob);
        }
        self.put_as_written(&path, source, blob.size, |out| archive::write(source, &blob, stop, out))?;
        Ok(blob)
    }

    /// Stores what `write` writes, which is of this size and from `source`: in parts, where it is large.
    pub(super) fn put_as_written(
        &self,
        path: &str,
        source: &Path,
        size: u64,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CacheError> {
        if let Some(size) = usize::try_from(size).ok().filter(|size| *size <= PART) {
            let mut content = Vec::with_capacity(size);
            write(&mut content).map_err(CacheError::at(source))?;
            return self.put(path, content, &When::Always).map(drop);
        }
        let mut upload = Upload::begin(self, path, size)?;
        match write(&mut upload) {
            Ok(()) => upload.complete(),
            Err(error) => Err(upload.abort(source, error)),
        }
    }

    /// Makes the file or directory of a blob at a path where nothing is.
    pub(super) fn restore_blob(&self, blob: &Blob, place: &Path, stop: &Stop) -> Result<(), RestoreError> {
        let path = blob.digest.path();
        let mut source = Download::begin(self, &path, stop);
        let unpacked = archive::unpack(blob, &mut source, place);
        match (unpacked, source.failed) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(Error::NotFound { .. })) => {
                Err(RestoreError::Broken(io::Error::other(format!("{} is missing", self.named(&path)))))
            }
            (Err(_), Some(error)) => Err(RestoreError::Store(self.error(&path, &error))),
            (Err(error), None) => Err(RestoreError::of(error)),
        }
    }
}

/// An object that is uploaded in parts. It appears as a whole, when it is completed.
struct Upload {
    objects: Objects,
    path: String,
    part: usize,
    buffer: Vec<u8>,
    /// Buffers of parts that have arrived: no more are made than are in use at once.
    spare: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
    upload: Option<Box<dyn MultipartUpload>>,
    sent: VecDeque<Receiver<Result<(), Error>>>,
    failed: Option<Error>,
}

impl Upload {
    fn begin(objects: &Objects, path: &str, size: u64) -> Result<Self, CacheError> {
        let part = (PART as u64).max(size.div_ceil(MOST_PARTS));
        if part > LARGEST_PART {
            let source = Fault::new("it is larger than 100 GB");
            return Err(CacheError::Store { object: objects.named(path), source });
        }
        let (client, location) = (Arc::clone(&objects.inner.client), objects.location(path));
        let upload = objects.block(async move { client.put_multipart(&location).await });
        let part = usize::try_from(part).unwrap_or(PART);
        Ok(Self {
            objects: objects.clone(),
            path: path.to_owned(),
            part,
            buffer: Vec::with_capacity(part),
            spare: channel(),
            upload: Some(upload.map_err(|error| objects.error(path, &error))?),
            sent: VecDeque::new(),
            failed: None,
        })
    }

    /// Sends the buffer as a part, once there is room on the way.
    fn send(&mut self) -> io::Result<()> {
        self.wait(PARTS - 1)?;
        let next = self.spare.1.try_recv().unwrap_or_else(|_| Vec::with_capacity(self.part));
        let content = std::mem::replace(&mut self.buffer, next);
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let content = Bytes::from_owner(Lent { content, back: self.spare.0.clone() });
        let part = upload.put_part(PutPayload::from(content));
        let (sender, receiver) = channel();
        self.objects.inner.runtime.spawn(async move {
            // After an error nobody waits for it.
            let _ = sender.send(part.await);
        });
        self.sent.push_back(receiver);
        Ok(())
    }

    /// Waits until no more than so many parts are on their way.
    fn wait(&mut self, left: usize) -> io::Result<()> {
        while self.sent.len() > left {
            let answer = self.sent.pop_front().map(|part| part.recv());
            if let Some(Ok(Err(error))) = answer {
                self.failed = Some(error);
                return Err(io::Error::other("a part was refused"));
            }
        }
        Ok(())
    }

    fn complete(mut self) -> Result<(), CacheError> {
        let sent = if self.buffer.is_empty() { Ok(()) } else { self.send() };
        if let Err(error) = sent.and_then(|()| self.wait(0)) {
            let path = self.path.clone();
            return Err(self.abort(Path::new(&path), error));
        }
        let Some(mut upload) = self.upload.take() else { return Ok(()) };
        let done = self.objects.block(async move { upload.complete().await });
        done.map(drop).map_err(|error| self.objects.error(&self.path, &error))
    }

    /// Removes the parts, and gives the reason.
    fn abort(mut self, source: &Path, error: io::Error) -> CacheError {
        let _ = self.wait(0);
        if let Some(mut upload) = self.upload.take() {
            // What is left is removed by the bucket's rule for parts.
            let _ = self.objects.block(async move { upload.abort().await });
        }
        match self.failed.take() {
            Some(failed) => self.objects.error(&self.path, &failed),
            None => CacheError::at(source)(error),
        }
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.part - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == self.part {
            self.send()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The content of a part, whose buffer is given back once nobody needs it any more.
struct Lent {
    content: Vec<u8>,
    back: Sender<Vec<u8>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut content = std::mem::take(&mut self.content);
        content.clear();
        // At the end of the upload nobody takes it back.
        let _ = self.back.send(content);
    }
}

type Content = Result<Bytes, Error>;

/// An object that is read as it comes.
struct Download<'a> {
    coming: mpsc::Receiver<Content>,
    current: io::Cursor<Bytes>,
    failed: Option<Error>,
    stop: &'a Stop,
}

impl<'a> Download<'a> {
    fn begin(objects: &Objects, path: &str, stop: &'a Stop) -> Self {
        let (client, location) = (Arc::clone(&objects.inner.client), objects.location(path));
        let (sender, coming) = mpsc::channel(PIECES);
        objects.inner.runtime.spawn(async move {
            let mut content = match client.get(&location).await {
                Ok(found) => found.into_stream(),
                Err(error) => return drop(sender.send(Err(error)).await),
            };
            while let Some(piece) = content.next().await {
                // Nobody reads any more where this fails.
                if sender.send(piece).await.is_err() {
                    return;
                }
            }
        });
        Self { coming, current: io::Cursor::default(), failed: None, stop }
    }
}

impl Read for Download<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stop.check()?;
            let count = self.current.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.coming.blocking_recv() {
                Some(Ok(content)) => self.current = io::Cursor::new(content),
                Some(Err(error)) => {
                    self.failed = Some(error);
                    return Err(io::Error::other("the store refused"));
                }
                // The sender is gone: the object has come to its end.
                None => return Ok(0),
            }
        }
    }
}
