//! How much memory `exec` takes for an output of any size.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::rig::{Kind, Rig};

/// Kibibytes: what a large output may take, of the program as tests build it.
const MOST: u64 = 64 * 1024;

/// The most memory of its own that a process was seen to have until its end, in kibibytes: without the pages of the program, which
/// are many as tests build it.
fn peak(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let now = line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default();
        peak = peak.max(now);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{ended}");
            return peak;
        }
        // A pause and not a wait: the kernel tells of no highest value.
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The peaks of storing an output of this size and of restoring it.
fn peaks(rig: &Rig, megabytes: u64) -> (u64, u64) {
    let (key, output) = (format!("k{megabytes}"), format!("big=big{megabytes}"));
    let arguments = ["--key", &key, "--output", &output, "--no-lease"];
    let script = format!("head -c {} /dev/urandom >big{megabytes}", megabytes * 1_000_000);
    let start = || rig.command(&arguments, &script).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let stored = peak(start());
    let path = rig.path(&format!("big{megabytes}"));
    assert_eq!(path.metadata().unwrap().len(), megabytes * 1_000_000);
    fs::remove_file(&path).unwrap();
    let restored = peak(start());
    assert_eq!(path.metadata().unwrap().len(), megabytes * 1_000_000);
    assert_eq!(rig.manifest(&key)["artifacts"][0]["blob"]["size"], megabytes * 1_000_000);
    fs::remove_file(&path).unwrap();
    (stored, restored)
}

#[test]
fn memory_does_not_grow_with_an_output() {
    let rig = Rig::new(Kind::S3);
    let (small, large) = (peaks(&rig, 8), peaks(&rig, 1_000));
    println!("8 MB: {small:?} KiB, 1 GB: {large:?} KiB");
    for (small, large) in [(small.0, large.0), (small.1, large.1)] {
        assert!(large <= MOST, "1 GB takes {large} KiB");
        assert!(large <= small + 24 * 1024, "8 MB take {small} KiB, 1 GB {large} KiB");
    }
}
