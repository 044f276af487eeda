//! Writes files that a program may be reading at the same time.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a file atomically: a program that reads it sees the old or the new content. `std::fs::write` first empties
/// the file, and a program that is just starting could read it then.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    let mut builder = tempfile::Builder::new();
    let mut file = builder.permissions(Permissions::from_mode(0o644)).tempfile_in(path.parent().unwrap()).unwrap();
    file.write_all(content.as_ref()).unwrap();
    file.persist(path).unwrap();
}
