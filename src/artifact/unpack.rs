//! Unpacks what has come: `unarchiveArtifact`, `untar`, `unzip` and `unpack` in workflow/executor/executor.go, v4.1.2.
//! An archive with one name at its top becomes what has that name. No entry leads out of the directory.

use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::{Archive, TransferError, beside, rename};
use crate::cache::{Stop, unpack_directory};

/// Makes of what has come the artifact; what has come is gone then.
pub(super) fn unpack(archive: Archive, packed: &Path, target: &Path, stop: &Stop) -> Result<(), TransferError> {
    let is_tar = match archive {
        Archive::None => false,
        Archive::Tar(_) => true,
        Archive::Zip => return unpack_with(packed, target, |directory| unzip(packed, directory, stop)),
        Archive::Unsaid => is_tarball(packed),
    };
    if is_tar { unpack_with(packed, target, |directory| untar(packed, directory)) } else { rename(packed, target) }
}

/// Whether it is a compressed tar archive; other archives are taken for files, as by Argo.
fn is_tarball(packed: &Path) -> bool {
    let first = || {
        let file = BufReader::new(File::open(packed)?);
        let mut archive = tar::Archive::new(MultiGzDecoder::new(file));
        archive.entries()?.next().transpose().map(|entry| entry.is_some())
    };
    packed.is_file() && first().unwrap_or(false)
}

fn unpack_with(
    packed: &Path,
    target: &Path,
    unpack: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), TransferError> {
    let directory = beside(target, "unpacked");
    fs::create_dir_all(&directory).map_err(TransferError::at(&directory))?;
    let refused = |error| TransferError::Refused(format!("cannot unpack it: {error}"));
    unpack(&directory).map_err(refused)?;
    fs::remove_file(packed).map_err(TransferError::at(packed))?;

    let mut entries = fs::read_dir(&directory).map_err(TransferError::at(&directory))?.flatten();
    match (entries.next(), entries.next()) {
        (Some(only), None) => {
            rename(&only.path(), target)?;
            fs::remove_dir(&directory).map_err(TransferError::at(&directory))
        }
        _ => rename(&directory, target),
    }
}

fn untar(packed: &Path, directory: &Path) -> io::Result<()> {
    let file = BufReader::new(File::open(packed)?);
    unpack_directory(&mut MultiGzDecoder::new(file), directory)
}

fn unzip(packed: &Path, directory: &Path, stop: &Stop) -> io::Result<()> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(packed)?)).map_err(io::Error::other)?;
    for number in 0..archive.len() {
        stop.check()?;
        let mut entry = archive.by_index(number).map_err(io::Error::other)?;
        let Some(inside) = entry.enclosed_name() else {
            return Err(io::Error::other(format!("{:?} leads out of the archive", entry.name())));
        };
        let path = directory.join(inside);
        if entry.is_dir() {
            fs::create_dir_all(&path)?;
            continue;
        }
        fs::create_dir_all(path.parent().unwrap_or(directory))?;
        // What an archive calls a link is a file here: no entry leads through another.
        let mut file = File::create_new(&path)?;
        io::copy(&mut entry.by_ref(), &mut file)?;
        if let Some(mode) = entry.unix_mode().filter(|mode| mode & 0o777 != 0) {
            file.set_permissions(Permissions::from_mode(mode & 0o777))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::super::pack::pack;
    use super::*;

    fn there_and_back(archive: Archive, there: Archive) -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        fs::create_dir_all(path("tree/sub"))?;
        fs::write(path("tree/sub/file"), "content")?;
        fs::write(path("tree/other"), "")?;
        for name in ["tree", "tree/sub/file"] {
            let packed = pack(archive, &path(name), Path::new("/tmp/out"), &Stop::default())?.ok_or("no archive")?;
            fs::copy(packed.path(), path("came"))?;
            unpack(there, &path("came"), &path("back"), &Stop::default())?;
            let file = if name == "tree" { path("back/sub/file") } else { path("back") };
            assert_eq!(fs::read_to_string(file)?, "content");
            assert!(!path("came").exists() && !path("back.unpacked").exists());
            if name == "tree" { fs::remove_dir_all(path("back"))? } else { fs::remove_file(path("back"))? }
        }
        Ok(())
    }

    #[test]
    fn archives_come_back_as_they_were() -> Result<(), Box<dyn Error>> {
        there_and_back(Archive::Unsaid, Archive::Unsaid)?;
        there_and_back(Archive::Tar(0), Archive::Tar(6))?;
        there_and_back(Archive::Zip, Archive::Zip)
    }

    #[test]
    fn what_is_no_archive_stays_as_it_is() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        fs::write(path("came"), "text")?;
        unpack(Archive::Unsaid, &path("came"), &path("file"), &Stop::default())?;
        assert_eq!(fs::read_to_string(path("file"))?, "text");
        for archive in [Archive::Tar(6), Archive::Zip] {
            fs::write(path("came"), "text")?;
            assert!(unpack(archive, &path("came"), &path("other"), &Stop::default()).is_err());
        }
        Ok(())
    }

    #[test]
    fn no_entry_leads_out_of_an_archive() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        let mut archive = zip::ZipWriter::new(File::create(path("came"))?);
        archive.start_file("../outside", zip::write::SimpleFileOptions::default())?;
        archive.finish()?;
        assert!(unpack(Archive::Zip, &path("came"), &path("in/file"), &Stop::default()).is_err());
        assert!(!path("outside").exists());
        Ok(())
    }
}
