//! What the systems that this program is built for do each in its own way. Whoever needs it asks here, so that no other room
//! but the inside of local tasks (`local/sandbox`) knows on which system it runs.
//!
//! ```text
//! linux ─ the kernel's own calls (openat2, O_PATH, statx, /proc)
//! macos ─ the same answers by what POSIX has ─► walk: paths, one directory after another
//! ```

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(any(target_os = "macos", test))]
mod walk;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;

#[cfg(target_os = "linux")]
pub(crate) use linux::path_through;
pub(crate) use system::{
    HANDLE, adopt_orphans, clone_content, has_small_pages, is_mount_point, mode, open_pipe, open_unmounted, open_up,
    open_within, path_of, resolves_within, run_until_end_of, set_small_pages, spread_directories, sync_file_system,
};

/// How far a path may lead that others have chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    /// Not out of the directory: a link that leads out of it is an error.
    Directory,
    /// Not out of the directory, and through no link at all.
    DirectoryWithoutLinks,
    /// The directory takes the place of the root: links lead as they would from there.
    Root,
}
