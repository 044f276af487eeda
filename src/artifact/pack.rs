//! Packs what goes to a place: util/archive in Argo v4.1.2. Names in an archive begin with that of the artifact's path.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::NamedTempFile;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::TransferError;
use crate::cache::{Stop, pack_directory};

/// How an artifact is packed where it is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Archive {
    /// Not said: taken there as a compressed tar archive, and unpacked where it is one.
    #[default]
    Unsaid,
    /// As it is.
    None,
    /// A compressed tar archive, at a level of 0 to 9.
    Tar(u32),
    /// A zip archive.
    Zip,
}

impl Archive {
    /// What an artifact's `archive` says.
    pub(crate) fn read(value: Option<&Value>) -> Result<Self, String> {
        let Some(fields) = value.and_then(Value::as_object) else { return Ok(Self::Unsaid) };
        let has = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
        if has("none") {
            return Ok(Self::None);
        }
        if has("zip") {
            return Ok(Self::Zip);
        }
        if !has("tar") {
            return match fields.keys().next() {
                Some(other) => Err(format!("archive {other} needs a cluster: expected none, tar or zip")),
                None => Ok(Self::Unsaid),
            };
        }
        let level = fields["tar"].get("compressionLevel").filter(|level| !level.is_null());
        match level.map(Value::as_i64) {
            // Go's default.
            None | Some(Some(-1)) => Ok(Self::Tar(Compression::default().level())),
            Some(Some(level @ 0..=9)) => Ok(Self::Tar(u32::try_from(level).unwrap_or_default())),
            Some(_) => Err("archive.tar.compressionLevel: expected a number from 0 to 9, or -1".to_owned()),
        }
    }
}

/// The archive of a file or directory, in a file that is removed with this value; none where it goes as it is.
pub(super) fn pack(
    archive: Archive,
    source: &Path,
    path: &Path,
    stop: &Stop,
) -> Result<Option<NamedTempFile>, TransferError> {
    let level = match archive {
        Archive::None => return Ok(None),
        Archive::Unsaid => Some(Compression::default().level()),
        Archive::Tar(level) => Some(level),
        Archive::Zip => None,
    };
    let directory = source.parent().unwrap_or(source);
    let packed = NamedTempFile::with_prefix_in(".packed-", directory).map_err(TransferError::at(directory))?;
    let name = Path::new(path.file_name().unwrap_or(OsStr::new("artifact")));
    let done = stop.check().and_then(|()| match level {
        Some(level) => tar(source, name, level, BufWriter::new(packed.as_file())),
        None => zip(source, name, BufWriter::new(packed.as_file())),
    });
    done.map_err(TransferError::at(source))?;
    Ok(Some(packed))
}

fn tar(source: &Path, name: &Path, level: u32, out: impl Write) -> io::Result<()> {
    let mut out = GzEncoder::new(out, Compression::new(level));
    if source.metadata()?.is_dir() {
        pack_directory(source, name, &mut out)?;
    } else {
        let mut archive = tar::Builder::new(&mut out);
        archive.append_path_with_name(source, name)?;
        archive.finish()?;
    }
    out.finish()?.flush()
}

fn zip(source: &Path, name: &Path, out: impl Write + Seek) -> io::Result<()> {
    let mut archive = ZipWriter::new(out);
    let mut left = vec![(source.to_owned(), name.to_owned())];
    while let Some((path, inside)) = left.pop() {
        let metadata = path.symlink_metadata()?;
        if metadata.is_dir() {
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                left.push((entry.path(), inside.join(entry.file_name())));
            }
            continue;
        }
        let options = SimpleFileOptions::default().large_file(metadata.len() >= u64::from(u32::MAX));
        archive.start_file_from_path(&inside, options).map_err(io::Error::other)?;
        // Argo's archive has what is no regular file as an empty one.
        if metadata.is_file() {
            io::copy(&mut BufReader::new(File::open(&path)?), &mut archive)?;
        }
    }
    archive.finish().map_err(io::Error::other)?.flush()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!(null), Ok(Archive::Unsaid))]
    #[case(json!({"none": {}}), Ok(Archive::None))]
    #[case(json!({"zip": {}}), Ok(Archive::Zip))]
    #[case(json!({"tar": {"compressionLevel": 9}}), Ok(Archive::Tar(9)))]
    #[case(json!({"tar": {}}), Ok(Archive::Tar(6)))]
    fn an_archive_is_read(#[case] value: Value, #[case] expected: Result<Archive, String>) {
        assert_eq!(Archive::read(Some(&value)), expected);
    }

    #[test]
    fn another_archive_is_refused_by_its_name() {
        let refused = Archive::read(Some(&json!({"rar": {}})));
        assert!(refused.is_err_and(|why| why.contains("rar")));
        assert!(Archive::read(Some(&json!({"tar": {"compressionLevel": 10}}))).is_err());
    }
}
