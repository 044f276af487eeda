//! The hash of a file's content, of a large one by several threads. No file is mapped into memory: one that somebody cuts
//! short meanwhile would end the process by a signal.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use blake3::hazmat::{ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};
use blake3::{Hash, Hasher};

/// What is read at once.
const READ: usize = 1 << 18;
/// What a thread hashes at once; a smaller file has one thread.
const PART: u64 = 1 << 24;
/// More threads would wait for the same memory.
const MOST_THREADS: usize = 8;

/// The hash of a file's content.
pub(crate) fn hash_file(path: &Path) -> io::Result<Hash> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    if threads == 1 || size <= PART {
        return hash_to_end(&file, size);
    }
    match hash_parts(&file, &Tree::of(0, size, PART), threads) {
        // It has grown or shrunk: what counts is what one reader finds.
        Ok(hash) if file.read_at(&mut [0], size)? == 0 => Ok(hash),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => hash_to_end(&file, size),
    }
}

fn hash_to_end(file: &File, size: u64) -> io::Result<Hash> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; usize::try_from(size).map_or(READ, |size| (size + 1).clamp(1 << 12, READ))];
    let mut at = 0;
    loop {
        match file.read_at(&mut buffer, at) {
            Ok(0) => return Ok(hasher.finalize()),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A part of a file, as BLAKE3 divides it.
enum Tree {
    Part { offset: u64, length: u64 },
    Halves(Box<Tree>, Box<Tree>),
}

impl Tree {
    fn of(offset: u64, length: u64, most: u64) -> Self {
        if length <= most {
            return Self::Part { offset, length };
        }
        let left = left_subtree_len(length);
        let halves = [Self::of(offset, left, most), Self::of(offset + left, length - left, most)].map(Box::new);
        let [left, right] = halves;
        Self::Halves(left, right)
    }

    fn parts(&self) -> Vec<(u64, u64)> {
        match self {
            Self::Part { offset, length } => vec![(*offset, *length)],
            Self::Halves(left, right) => [left.parts(), right.parts()].concat(),
        }
    }

    /// The value of the tree from those of its parts, in their order.
    fn value(&self, parts: &mut impl Iterator<Item = ChainingValue>) -> ChainingValue {
        match self {
            Self::Part { .. } => parts.next().unwrap_or_default(),
            Self::Halves(left, right) => {
                let (left, right) = (left.value(parts), right.value(parts));
                merge_subtrees_non_root(&left, &right, Mode::Hash)
            }
        }
    }
}

/// The hash of a file of several parts.
fn hash_parts(file: &File, tree: &Tree, threads: usize) -> io::Result<Hash> {
    let Tree::Halves(left, right) = tree else { return hash_to_end(file, 0) };
    let parts = tree.parts();
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<Vec<(usize, ChainingValue)>> {
        let mut done = Vec::new();
        let mut buffer = vec![0; READ];
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(place) else { return Ok(done) };
            done.push((place, hash_part(file, *part, &mut buffer)?));
        }
    };
    let mut values = thread::scope(|scope| {
        // Where no thread is to be had, this one does the work.
        let others: Vec<_> =
            (1..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let mut values = work()?;
        for other in others {
            values.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok::<_, io::Error>(values)
    })?;
    values.sort_unstable_by_key(|(place, _)| *place);
    let mut values = values.into_iter().map(|(_, value)| value);
    let (left, right) = (left.value(&mut values), right.value(&mut values));
    Ok(merge_subtrees_root(&left, &right, Mode::Hash))
}

fn hash_part(file: &File, (offset, length): (u64, u64), buffer: &mut [u8]) -> io::Result<ChainingValue> {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    let mut at = offset;
    while at < offset + length {
        let count = usize::try_from(offset + length - at).map_or(buffer.len(), |left| left.min(buffer.len()));
        file.read_exact_at(&mut buffer[..count], at)?;
        hasher.update(&buffer[..count]);
        at += count as u64;
    }
    Ok(hasher.finalize_non_root())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_in_parts_has_the_hash_of_the_whole() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("file");
        let content: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
        for size in [0, 1, 1023, 1024, 1025, 4096, 4097, 8192, 65_536, 65_537, 131_071, 300_000] {
            fs::write(&path, &content[..size])?;
            let file = File::open(&path)?;
            let whole = blake3::hash(&content[..size]);
            for (part, threads) in [(1024, 1), (4096, 3), (65_536, 2)] {
                let tree = Tree::of(0, size as u64, part);
                assert_eq!(hash_parts(&file, &tree, threads)?, whole, "{size} in parts of {part}");
            }
            assert_eq!(hash_file(&path)?, whole);
        }
        Ok(())
    }

    #[test]
    fn a_file_that_was_cut_short_is_told() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("file");
        fs::write(&path, [0; 5000])?;
        let cut = hash_parts(&File::open(&path)?, &Tree::of(0, 9000, 1024), 2);
        assert_eq!(cut.map_err(|error| error.kind()), Err(io::ErrorKind::UnexpectedEof));
        Ok(())
    }

    #[test]
    fn a_large_file_has_one_hash_whatever_hashes_it() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("file");
        let size = 2 * PART + 12_345;
        File::create(&path)?.set_len(size)?;
        assert_eq!(hash_file(&path)?, hash_to_end(&File::open(&path)?, size)?);
        Ok(())
    }
}
