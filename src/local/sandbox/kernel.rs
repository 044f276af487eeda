//! What a task sees of the kernel: its own processes, devices without hardware, and nothing that root could change for the
//! host. The paths are those that container runtimes mask or make read-only.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::MountFlags;

use super::mounts::{self, Problem};
use super::overlay::below;

/// Files of `/proc` that tell of the host or change it.
const MASKED: [&str; 9] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
];
/// Directories of `/sys` that do.
const MASKED_DIRECTORIES: [&str; 2] = [EMPTY, "/sys/devices/virtual/powercap"];
/// Masked, it is empty and cannot be written to.
const EMPTY: &str = "/sys/firmware";
/// What may be read.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
/// Devices without hardware: name, major and minor number.
const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// Devices that programs compute with. In a pod they come with `resources`, which a local run does not count.
const ACCELERATORS: [&str; 4] = ["dri", "kfd", "kvm", "fuse"];

/// Lays `/sys` and `/dev` out below the root of a view. `privileged` shows them as they are.
pub(super) fn show(root: &Path, privileged: bool) -> Result<(), Problem> {
    if privileged {
        mounts::bind(Path::new("/sys"), &root.join("sys"))?;
        return mounts::bind(Path::new("/dev"), &root.join("dev"));
    }
    show_sys(root)?;
    show_devices(root, MountFlags::empty())?;
    mask(root)
}

/// Keeps the directories of `/sys` from being read that tell of the host.
pub(super) fn mask(root: &Path) -> Result<(), Problem> {
    for path in MASKED_DIRECTORIES.map(|path| below(root, Path::new(path))) {
        if path.is_dir() {
            mask_directory(&path)?;
        }
    }
    Ok(())
}

fn mask_directory(path: &Path) -> Result<(), Problem> {
    mounts::mount_new("tmpfs", path, Some(c"ro,size=0,mode=555"))
}

/// Shows this process, which is the first one of its namespace, and those that it starts.
pub(super) fn show_processes() -> Result<(), Problem> {
    mounts::mount_new("proc", Path::new("/proc"), None)
}

/// Keeps files of `/proc` from being changed, and those that tell of the host from being read.
pub(super) fn protect() -> Result<(), Problem> {
    for path in READ_ONLY.map(Path::new) {
        if mounts::bind_if_there(path, path)? {
            mounts::remount_read_only(path, MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC)?;
        }
    }
    for path in MASKED.map(Path::new) {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if !metadata.is_dir() {
            mounts::bind_one(Path::new("/dev/null"), path)?;
        } else if !mounts::bind_if_there(Path::new(EMPTY), path)? {
            mask_directory(path)?;
        }
    }
    Ok(())
}

/// Shows the message queues of this process's namespace.
pub(super) fn show_queues() {
    // A kernel may be built without message queues.
    let _ = mounts::mount_new("mqueue", Path::new("/dev/mqueue"), None);
}

/// Read-only, and of the control groups only the task's own.
fn show_sys(root: &Path) -> Result<(), Problem> {
    let sys = root.join("sys");
    mounts::bind_one(Path::new("/sys"), &sys)?;
    mounts::remount_read_only(&sys, MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC)?;
    let groups = sys.join("fs/cgroup");
    if groups.is_dir() && mounts::mount_new("cgroup2", &groups, None).is_ok() {
        mounts::remount_read_only(&groups, MountFlags::NOSUID | MountFlags::NODEV)?;
    }
    Ok(())
}

/// A `/dev` of its own: the host's directory would be open to a task of root. `flags` are those of the host's, which a user
/// namespace may not take away.
pub(super) fn show_devices(root: &Path, flags: MountFlags) -> Result<(), Problem> {
    let devices = root.join("dev");
    // Not by `mount_new`: devices are all that there is in it.
    mounts::mount_devices(&devices)?;
    for (name, major, minor) in DEVICES {
        show_device(&devices.join(name), major, minor, flags)?;
    }
    for (name, target) in LINKS {
        let path = devices.join(name);
        symlink(target, &path).map_err(|error| Problem::new("make the link", &path, error))?;
    }
    let [terminals, queues, memory] = ["pts", "mqueue", "shm"].map(|name| devices.join(name));
    for path in [&terminals, &queues, &memory] {
        fs::create_dir(path).map_err(|error| Problem::new("make the directory", path, error))?;
    }
    mounts::mount_new("devpts", &terminals, Some(c"newinstance,ptmxmode=0666,mode=0620"))?;
    show_accelerators(&devices, flags)
}

/// Made again, or bound where a container has no right to make devices.
fn show_device(path: &Path, major: u32, minor: u32, flags: MountFlags) -> Result<(), Problem> {
    let mode = Mode::from_raw_mode(0o666);
    if mknodat(CWD, path, FileType::CharacterDevice, mode, makedev(major, minor)).is_ok() {
        // The umask has taken part of the mode.
        return fs::set_permissions(path, Permissions::from_mode(0o666))
            .map_err(|error| Problem::new("make the device", path, error));
    }
    let on_host = Path::new("/dev").join(path.file_name().unwrap_or_default());
    fs::write(path, "").map_err(|error| Problem::new("make the device", path, error))?;
    show_device_of_host(&on_host, path, flags)
}

/// Read-only, so that its mode and owner stay: what is written to a device itself does not count for the mount.
fn show_device_of_host(on_host: &Path, path: &Path, flags: MountFlags) -> Result<(), Problem> {
    mounts::bind_one(on_host, path)?;
    mounts::remount_read_only(path, flags)
}

fn show_accelerators(devices: &Path, flags: MountFlags) -> Result<(), Problem> {
    let nvidia = fs::read_dir("/dev").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let nvidia = nvidia.filter(|name| name.to_string_lossy().starts_with("nvidia"));
    for name in ACCELERATORS.into_iter().map(Into::into).chain(nvidia) {
        let (on_host, path) = (Path::new("/dev").join(&name), devices.join(&name));
        let Ok(metadata) = on_host.metadata() else { continue };
        let made = if metadata.is_dir() { fs::create_dir(&path) } else { fs::write(&path, "") };
        made.map_err(|error| Problem::new("make the device", &path, error))?;
        show_device_of_host(&on_host, &path, flags)?;
    }
    Ok(())
}
