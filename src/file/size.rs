//! How many bytes files take.

use std::fs;
use std::path::Path;

/// The bytes of all files below a path, but no more than are needed to say that there are more than `most`. Links are not
/// followed; what cannot be read takes nothing.
pub(crate) fn size(path: &Path, most: u64) -> u64 {
    let Ok(file) = path.symlink_metadata() else { return 0 };
    if file.is_dir() { size_of_directory(path, most) } else { file.len() }
}

fn size_of_directory(path: &Path, most: u64) -> u64 {
    let mut bytes = 0_u64;
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        bytes = bytes.saturating_add(if is_directory {
            size_of_directory(&entry.path(), most.saturating_sub(bytes))
        } else {
            entry.metadata().map_or(0, |file| file.len())
        });
        if bytes > most {
            break;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_until_there_are_too_many() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        fs::create_dir(root.path().join("inner"))?;
        for name in ["a", "b", "inner/c"] {
            fs::write(root.path().join(name), [0; 10])?;
        }
        std::os::unix::fs::symlink("/", root.path().join("inner/all"))?;
        let link = "/".len() as u64;
        assert_eq!(size(root.path(), u64::MAX), 30 + link);
        assert!(size(root.path(), 15) > 15);
        assert_eq!(size(&root.path().join("absent"), 1), 0);
        Ok(())
    }
}
