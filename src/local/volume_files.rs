//! The files of volumes that a ConfigMap, a Secret or the pod itself gives: written for a task, and for who looks around in its
//! view.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::task::VolumeFile;

/// Writes the files of volumes below a directory.
pub(super) fn lay(directory: &Path, files: &[VolumeFile]) -> io::Result<()> {
    for file in files {
        let volume = directory.join(&file.volume);
        if file.path.as_os_str().is_empty() {
            fs::create_dir_all(&volume)?;
            continue;
        }
        let path = volume.join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(&volume))?;
        fs::write(&path, &file.content)?;
        fs::set_permissions(&path, Permissions::from_mode(file.mode))?;
    }
    Ok(())
}
