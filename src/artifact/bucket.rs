//! Artifacts in buckets. A key may be one object, or stand for the objects below it, which are the files of a directory.
//! (workflow/artifacts/s3/s3.go, gcs/gcs.go and azure/azure.go, v4.1.2)

use std::fs;
use std::path::{Component, Path};

use super::TransferError;
use crate::cache::{Objects, Stop};

/// Brings an object, or a directory of objects.
pub(super) fn bring(objects: &Objects, key: &str, target: &Path, stop: &Stop) -> Result<(), TransferError> {
    if !key.ends_with('/') && objects.download(key, target, stop)? {
        return Ok(());
    }
    let key = key.trim_end_matches('/');
    let keys = objects.keys_below(key)?;
    let mut found = false;
    for (place, whole) in keys.iter().enumerate() {
        let below = whole.strip_prefix(key).unwrap_or(whole).trim_start_matches('/');
        // An object that stands for a directory, as consoles make them.
        let is_directory = keys.get(place + 1).is_some_and(|next| next.starts_with(&format!("{whole}/")));
        if is_directory {
            continue;
        }
        let relative = Path::new(below);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(TransferError::Refused(format!("object {whole:?} leaves the directory of its key")));
        }
        let path = target.join(relative);
        let parent = path.parent().unwrap_or(target);
        fs::create_dir_all(parent).map_err(TransferError::at(parent))?;
        found |= objects.download(whole, &path, stop)?;
    }
    if found { Ok(()) } else { Err(TransferError::Missing(format!("there is no object {}", objects.named(key)))) }
}

/// Takes a file to an object, or the files of a directory to objects below the key. Links are left out, as by Argo.
pub(super) fn take(objects: &Objects, key: &str, source: &Path, stop: &Stop) -> Result<(), TransferError> {
    let metadata = source.metadata().map_err(TransferError::at(source))?;
    if !metadata.is_dir() {
        return Ok(objects.upload(key, source, stop)?);
    }
    for path in files(source)? {
        let below = path.strip_prefix(source).unwrap_or(&path).to_string_lossy().into_owned();
        objects.upload(&format!("{}/{below}", key.trim_end_matches('/')), &path, stop)?;
    }
    Ok(())
}

/// The regular files of a directory and of those in it, in order.
fn files(directory: &Path) -> Result<Vec<std::path::PathBuf>, TransferError> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).map_err(TransferError::at(&directory))? {
            let entry = entry.map_err(TransferError::at(&directory))?;
            let kind = entry.file_type().map_err(TransferError::at(&entry.path()))?;
            if kind.is_dir() {
                left.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}
