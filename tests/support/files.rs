//! Files that a program may be reading while the test writes them.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a file whole: a program that reads it meets the old content or the new one. `std::fs::write` empties the file
/// first, and a program that is just starting may read it then.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    let mut builder = tempfile::Builder::new();
    let mut file = builder.permissions(Permissions::from_mode(0o644)).tempfile_in(path.parent().unwrap()).unwrap();
    file.write_all(content.as_ref()).unwrap();
    file.persist(path).unwrap();
}
