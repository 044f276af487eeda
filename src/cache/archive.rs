//! Files and directories as blobs, and back. A directory becomes a tar archive that depends on names, content, links and
//! permissions alone: neither on times and owners nor on the order in which the file system lists names.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fchmod, openat, symlinkat};
use tar::{Archive, Builder, EntryType, Header};

use super::digest::Digest;
use super::manifest::{Blob, Form};
use super::prefix::Stop;
use crate::file::beneath::Beneath;
use crate::platform;

/// Bytes that are read or written at once.
const BUFFER: usize = 256 * 1024;
/// The permission bits, with those for the set ids and the sticky bit.
const PERMISSIONS: u32 = 0o7777;

/// What a file or directory is as a blob.
pub(crate) fn measure(source: &Path, stop: &Stop) -> io::Result<Blob> {
    let metadata = source.metadata()?;
    let form = match metadata.file_type() {
        kind if kind.is_dir() => Form::Tar,
        kind if kind.is_file() => Form::File,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file nor a directory")),
    };
    let mut hashing = Hashing::new(Stoppable { out: io::sink(), stop });
    pack(source, form, &mut hashing)?;
    let (digest, size) = hashing.end();
    Ok(Blob { digest, size, form, mode: metadata.permissions().mode() & PERMISSIONS })
}

/// Writes the blob of a file or directory. What has changed since it was measured is an error, which may come at the end.
pub(super) fn write(source: &Path, blob: &Blob, stop: &Stop, out: impl Write) -> io::Result<()> {
    let mut hashing = Hashing::new(Stoppable { out, stop });
    pack(source, blob.form, &mut hashing)?;
    hashing.flush()?;
    if hashing.end() == (blob.digest, blob.size) { Ok(()) } else { Err(changed()) }
}

fn changed() -> io::Error {
    io::Error::other("it changed while it was stored")
}

fn pack(source: &Path, form: Form, out: &mut impl Write) -> io::Result<()> {
    if form == Form::File {
        let mut file = File::open(source)?;
        return copy(&mut file, out).map(drop);
    }
    pack_directory(source, Path::new(""), BufWriter::with_capacity(BUFFER, out))
}

/// Writes a directory as a tar archive, in which it has the name `below`; where that is empty, what is in it.
pub(crate) fn pack_directory(source: &Path, below: &Path, out: impl Write) -> io::Result<()> {
    let mut archive = Builder::new(out);
    if !below.as_os_str().is_empty() {
        let mut header = header(&source.metadata()?);
        header.set_entry_type(EntryType::Directory);
        archive.append_data(&mut header, below, io::empty())?;
    }
    append_directory(&mut archive, source, below)?;
    archive.into_inner()?.flush()
}

fn append_directory(archive: &mut Builder<impl Write>, source: &Path, below: &Path) -> io::Result<()> {
    for name in sorted_names(source)? {
        let (path, inside) = (source.join(&name), below.join(&name));
        let metadata = path.symlink_metadata()?;
        let mut header = header(&metadata);
        let kind = metadata.file_type();
        if kind.is_dir() {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, &inside, io::empty())?;
            append_directory(archive, &path, &inside)?;
        } else if kind.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            // Linux ignores the permissions of a link.
            header.set_mode(0o777);
            archive.append_link(&mut header, &inside, fs::read_link(&path)?)?;
        } else if kind.is_file() {
            header.set_entry_type(EntryType::Regular);
            header.set_size(metadata.len());
            let mut file = Exact { file: open(&path)?, left: metadata.len() };
            archive.append_data(&mut header, &inside, &mut file)?;
        }
        // Sockets, pipes and devices have no content.
    }
    Ok(())
}

/// The header of an entry without content, with nothing of the file but its permissions.
fn header(metadata: &fs::Metadata) -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(metadata.permissions().mode() & PERMISSIONS);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// Opens a regular file that a link or a pipe may have replaced since it was seen.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

fn sorted_names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// A file that has to have the length that was announced.
struct Exact {
    file: File,
    left: u64,
}

impl Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.file.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(changed());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Makes the file or directory of a blob at a path where nothing is. What is not of the blob's digest is an error; a part
/// of it may be at the path then.
pub(super) fn unpack(blob: &Blob, source: impl Read, place: &Path) -> io::Result<()> {
    let mut hashing = Hashing::new(BufReader::with_capacity(BUFFER, source));
    match blob.form {
        Form::File => {
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(place)?;
            copy(&mut hashing, &mut file)?;
        }
        Form::Tar => {
            fs::create_dir(place)?;
            unpack_directory(&mut hashing, place)?;
            // What follows the end of the archive counts, too.
            copy(&mut hashing, &mut io::sink())?;
        }
    }
    if hashing.end() != (blob.digest, blob.size) {
        let why = format!("blob {} of the store has another content than its digest says", blob.digest);
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    fs::set_permissions(place, Permissions::from_mode(blob.mode & PERMISSIONS))
}

/// Lays out a tar archive in an empty directory. No entry leads out of it.
pub(crate) fn unpack_directory(source: &mut impl Read, place: &Path) -> io::Result<()> {
    let beneath = Beneath::directory(place)?;
    let mut directories: Vec<(PathBuf, u32)> = Vec::new();
    let mut archive = Archive::new(source);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mode = entry.header().mode()? & PERMISSIONS;
        match entry.header().entry_type() {
            EntryType::Directory => {
                beneath.make_directory(&path, 0o700)?;
                directories.push((path, mode));
            }
            EntryType::Symlink => {
                let target = entry.link_name()?.unwrap_or_default().into_owned();
                let to = beneath.place(&path)?;
                let (directory, name) = to.parts();
                symlinkat(target.as_os_str(), directory, name)?;
            }
            EntryType::Regular => {
                let to = beneath.place(&path)?;
                let (directory, name) = to.parts();
                let mut file = new_file(directory, name)?;
                copy(&mut entry, &mut file)?;
                fchmod(&file, platform::mode(mode))?;
            }
            // What git says of a commit, for example.
            EntryType::XGlobalHeader => {}
            kind => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("unexpected entry {kind:?}"))),
        }
    }
    // The last first: a directory may forbid its owner to enter.
    for (path, mode) in directories.into_iter().rev() {
        let directory = beneath.open(&path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        fchmod(&directory, platform::mode(mode))?;
    }
    Ok(())
}

fn new_file(directory: std::os::fd::BorrowedFd<'_>, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(directory, name, flags, Mode::from_raw_mode(0o600))?.into())
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(&buffer[..count])?;
        total += count as u64;
    }
}

/// Fails once the work was told to end.
struct Stoppable<'a, T> {
    out: T,
    stop: &'a Stop,
}

impl<T: Write> Write for Stoppable<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stop.check()?;
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stop.check()?;
        self.out.flush()
    }
}

/// Hashes what passes.
struct Hashing<T> {
    inner: T,
    hasher: blake3::Hasher,
    size: u64,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hasher: blake3::Hasher::new(), size: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn end(self) -> (Digest, u64) {
        (Digest::of(&self.hasher), self.size)
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.add(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.add(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree(root: &Path, names: &[&str]) -> io::Result<()> {
        fs::create_dir_all(root.join("sub/empty"))?;
        for name in names {
            fs::write(root.join(name), name)?;
        }
        fs::set_permissions(root.join("a"), Permissions::from_mode(0o755))?;
        fs::set_permissions(root.join("sub"), Permissions::from_mode(0o555))?;
        symlink("../outside", root.join("link"))
    }

    fn packed(source: &Path) -> io::Result<(Blob, Vec<u8>)> {
        let blob = measure(source, &Stop::default())?;
        let mut bytes = Vec::new();
        write(source, &blob, &Stop::default(), &mut bytes)?;
        Ok((blob, bytes))
    }

    #[test]
    fn a_directory_comes_back_as_it_was_whatever_its_order() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        let long = "n".repeat(200);
        tree(&path("one"), &["a", "b", &long, "sub/c"])?;
        tree(&path("two"), &["b", &long, "a"]).and_then(|()| {
            fs::set_permissions(path("two/sub"), Permissions::from_mode(0o755))?;
            fs::write(path("two/sub/c"), "sub/c")?;
            fs::set_permissions(path("two/sub"), Permissions::from_mode(0o555))
        })?;
        let (blob, bytes) = packed(&path("one"))?;
        assert_eq!(packed(&path("two"))?, (blob.clone(), bytes.clone()));

        unpack(&blob, &bytes[..], &path("three"))?;
        assert_eq!(measure(&path("three"), &Stop::default())?, blob);
        let mode = |name: &str| path(name).metadata().map(|found| found.permissions().mode() & 0o777);
        assert_eq!((mode("three/a")?, mode("three/sub")?), (0o755, 0o555));
        assert_eq!(fs::read_link(path("three/link"))?, Path::new("../outside"));
        assert!(path("three/sub/empty").is_dir());
        Ok(())
    }

    #[test]
    fn a_changed_blob_is_refused() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        fs::write(path("file"), "text")?;
        let (blob, bytes) = packed(&path("file"))?;
        for (number, damaged) in [&b"texx"[..], b"tex", b"text+", b""].into_iter().enumerate() {
            assert!(unpack(&blob, damaged, &path(&number.to_string())).is_err());
        }
        unpack(&blob, &bytes[..], &path("copy"))?;
        assert_eq!(fs::read_to_string(path("copy"))?, "text");
        fs::write(path("file"), "more")?;
        let again = write(&path("file"), &blob, &Stop::default(), io::sink());
        assert!(again.is_err(), "it is not what was measured");
        let stop = Stop::default();
        stop.stop();
        assert!(measure(&path("file"), &stop).is_err());
        Ok(())
    }

    #[test]
    fn an_archive_leads_out_of_no_directory() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        fs::create_dir(directory.path().join("host"))?;
        let mut archive = Builder::new(Vec::new());
        let mut link = Header::new_gnu();
        link.set_entry_type(EntryType::Symlink);
        link.set_size(0);
        link.set_mode(0o777);
        archive.append_link(&mut link, "up", "../host")?;
        let mut file = Header::new_gnu();
        file.set_size(1);
        file.set_mode(0o644);
        archive.append_data(&mut file, "up/file", &b"x"[..])?;
        let bytes = archive.into_inner()?;
        let place = directory.path().join("place");
        fs::create_dir(&place)?;
        assert!(unpack_directory(&mut &bytes[..], &place).is_err());
        assert_eq!(fs::read_dir(directory.path().join("host"))?.count(), 0);
        Ok(())
    }
}
