//! Blobs of a bucket: uploaded in parts and read in ranges, so that memory does not grow with their size.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use object_store::{Error, MultipartUpload, ObjectStoreExt, PutPayload};

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
/// Bytes of a range.
const RANGE: u64 = 1024 * 1024;
/// Ranges on their way at once.
const RANGES: usize = 3;
/// A blob of this age may be collected soon: it is stored again. Half of what `prune` spares.
const OLD: SignedDuration = SignedDuration::from_hours(12);

impl Objects {
    /// Stores a file or directory. `now` is the server's time, where it is known.
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
        let mut source = Ranges::new(self, &path, blob.size, stop);
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
            upload: Some(upload.map_err(|error| objects.error(path, &error))?),
            sent: VecDeque::new(),
            failed: None,
        })
    }

    /// Sends the buffer as a part, once there is room on the way.
    fn send(&mut self) -> io::Result<()> {
        self.wait(PARTS - 1)?;
        let content = std::mem::replace(&mut self.buffer, Vec::with_capacity(self.part));
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let part = upload.put_part(PutPayload::from(content));
        let (sender, receiver) = channel();
        self.objects.inner.runtime.spawn(async move { sender.send(part.await) });
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

type Content = Result<Bytes, Error>;

/// An object that is read range by range, the next ones on their way.
struct Ranges<'a> {
    objects: &'a Objects,
    path: &'a str,
    size: u64,
    asked: u64,
    coming: VecDeque<Receiver<Content>>,
    current: io::Cursor<Bytes>,
    failed: Option<Error>,
    stop: &'a Stop,
}

impl<'a> Ranges<'a> {
    fn new(objects: &'a Objects, path: &'a str, size: u64, stop: &'a Stop) -> Self {
        let current = io::Cursor::default();
        Self { objects, path, size, asked: 0, coming: VecDeque::new(), current, failed: None, stop }
    }

    fn ask(&mut self) {
        while self.coming.len() < RANGES && (self.asked < self.size || self.size == 0 && self.asked == 0) {
            let end = self.size.min(self.asked + RANGE);
            self.coming.push_back(self.request(self.asked..end));
            self.asked = end.max(1);
        }
    }

    fn request(&self, range: Range<u64>) -> Receiver<Content> {
        let (client, location) = (Arc::clone(&self.objects.inner.client), self.objects.location(self.path));
        let (sender, receiver) = channel();
        let whole = range == (0..self.size);
        self.objects.inner.runtime.spawn(async move {
            let content = async {
                // One that is longer than its manifest says is not what its digest says.
                if whole {
                    client.get(&location).await?.bytes().await
                } else {
                    client.get_range(&location, range).await
                }
            };
            sender.send(content.await)
        });
        receiver
    }
}

impl Read for Ranges<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stop.check()?;
            let count = self.current.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.ask();
            match self.coming.pop_front().map(|content| content.recv()) {
                None => return Ok(0),
                Some(Ok(Ok(content))) => self.current = io::Cursor::new(content),
                Some(Ok(Err(error))) => {
                    self.failed = Some(error);
                    return Err(io::Error::other("the store refused"));
                }
                Some(Err(_)) => return Err(io::Error::other("the request ended without an answer")),
            }
        }
    }
}
