use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::rig::{Rig, isolating_views, mount, result_of, task};

/// A name that no other test and no other process uses.
fn unique(stem: &str) -> String {
    format!("{stem}-{}-{:?}", std::process::id(), std::thread::current().id()).replace(['(', ')'], "")
}

#[test]
fn two_tasks_at_once_write_the_same_paths_and_neither_sees_the_other_nor_touches_the_host() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let name = unique("isolated");
        let paths =
            ["/tmp", "/mnt", "/etc", "/var/tmp", "/opt", "/dev/shm", ""].map(|parent| format!("{parent}/{name}"));
        let script = |mark: &str| {
            let write = |path: &String| format!("test ! -e {path} || exit 9; echo {mark} > {path} || exit 8;");
            let writes: String = paths.iter().map(write).collect();
            format!("set -u; {writes} echo {mark} > relative; sleep 0.2; cat {} relative", paths.join(" "))
        };
        let outcomes = rig.run_all(vec![task("one", &script("a")), task("two", &script("b"))]);
        for (outcome, mark) in outcomes.iter().zip(["a", "b"]) {
            assert_eq!(outcome.exit_code, Some(0), "{:?}: {outcome:?} {}", rig.view, rig.log("one", "main"));
            assert_eq!(result_of(outcome), vec![mark; paths.len() + 1].join("\n"), "{:?}", rig.view);
        }
        for path in paths.iter().map(Path::new).chain([Path::new("/relative")]) {
            assert!(!path.exists(), "{} is on the host", path.display());
        }
    }
}

#[test]
fn the_host_is_not_changed_by_overwriting_or_removing_its_files() {
    let rig = Rig::best();
    let before = fs::read("/etc/passwd").unwrap();
    let outcome = rig.run(task("a", "rm /etc/passwd && echo gone > /etc/hostname-of-task && ! test -e /etc/passwd"));
    if rig.view == kubectl_runnable::testing::local::view::View::Overlay {
        assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
    }
    assert_eq!(fs::read("/etc/passwd").unwrap(), before);
    assert!(!Path::new("/etc/hostname-of-task").exists());
}

fn modes() -> [Option<u32>; 2] {
    ["/dev/full", "/dev/kvm"].map(|path| fs::metadata(path).map(|device| device.permissions().mode()).ok())
}

#[test]
fn devices_and_settings_of_the_kernel_are_out_of_reach() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let name = unique("device");
        let before = modes();
        let script = format!(
            "echo x > /dev/{name}; echo x > /dev/null || exit 6; head -c 1 /dev/urandom > /dev/null || exit 6
             chmod 0640 /dev/full; chmod 0640 /dev/kvm
             cat /proc/sys/vm/swappiness > /proc/sys/vm/swappiness && exit 7
             test ! -w /sys/kernel || exit 8"
        );
        let outcome = rig.run(task("a", &script));
        assert_eq!(outcome.exit_code, Some(0), "{:?}: {outcome:?} {}", rig.view, rig.log("a", "main"));
        assert!(!Path::new("/dev").join(&name).exists(), "{:?}: {name} is on the host", rig.view);
        assert_eq!(modes(), before, "{:?}", rig.view);
    }
}

#[test]
fn the_run_directory_is_hidden_even_outside_of_the_temporary_directory() {
    for view in isolating_views() {
        let home = if rustix::process::geteuid().is_root() { env!("CARGO_TARGET_TMPDIR") } else { "/var/tmp" };
        let state = tempfile::Builder::new().prefix("runs").tempdir_in(home).unwrap();
        fs::write(state.path().join("sibling"), "secret").unwrap();
        let rig = Rig::new(view);
        let executor = rig.executor.clone().hide(state.path());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let script = format!("ls -A {} {} 2>/dev/null; true", state.path().display(), rig.directory.path().display());
        let kill = kubectl_runnable::testing::local::kill::Kill::never();
        let outcome = runtime.block_on(executor.run(task("a", &script), kill));
        assert!(!result_of(&outcome).contains("sibling"), "{:?}: {outcome:?}", rig.view);
        assert!(!result_of(&outcome).contains("nodes"), "{:?}: {outcome:?}", rig.view);
        assert_eq!(outcome.exit_code, Some(0));
    }
}

#[test]
fn nothing_but_the_logs_stays() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let outcome = rig.run(task("a", "mkdir -p /mnt/x/y /srv/z; echo 1 > /mnt/x/y/z; chmod 0 /mnt/x; echo done"));
        assert_eq!(result_of(&outcome), "done");
        let mut names: Vec<_> =
            fs::read_dir(rig.path("nodes/a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["main.log", "main.times"], "{:?}", rig.view);
    }
}

#[test]
fn the_host_is_usable_inside() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let script = "echo x > /dev/null && head -c 4 /dev/urandom | wc -c && test -d /proc/self && test -d /sys/kernel \
                      && id -u && pwd && test -r /etc/passwd && ls /tmp | wc -l";
        let outcome = rig.run(task("a", script));
        assert_eq!(result_of(&outcome), "4\n0\n/\n0", "{:?} {}", rig.view, rig.log("a", "main"));
    }
}

#[test]
fn a_task_sees_no_process_of_the_host() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let outcome = rig.run(task("a", "for p in /proc/[0-9]*; do echo $p; done | wc -l; echo $$ | wc -c"));
        let count: u32 = result_of(&outcome).lines().next().unwrap().trim().parse().unwrap();
        assert!(count < 10, "{:?}: {count} processes", rig.view);
    }
}

#[test]
fn the_environment_holds_no_credentials_and_what_the_process_asks_for() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let mut wanted = task("a", "env");
        wanted.main[0].env =
            [("ASKED", "first"), ("ASKED", "second")].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let outcome = rig.run(wanted);
        let names: Vec<&str> = result_of(&outcome).lines().filter_map(|line| line.split('=').next()).collect();
        // The test runner's own variables stand for everything that the caller exports.
        assert!(!names.contains(&"CARGO_MANIFEST_DIR"), "{names:?}");
        assert!(names.contains(&"PATH"), "{names:?}");
        assert!(result_of(&outcome).contains("ASKED=second"));
        assert!(result_of(&outcome).contains("HOSTNAME=a"));
    }
}

#[test]
fn a_volume_is_shared_and_a_read_only_one_cannot_be_written() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let volume = rig.path("volumes/shared");
        let mut writer = task("writer", "echo hello > /work/deep/file");
        writer.mounts = vec![mount(volume.clone(), "/work/deep", false)];
        assert_eq!(rig.run(writer).exit_code, Some(0), "{:?}", rig.view);
        assert_eq!(fs::read_to_string(volume.join("file")).unwrap(), "hello\n");
        let mut reader = task("reader", "cat /var/run/in/file; echo no > /var/run/in/file; echo $?");
        reader.mounts = vec![mount(volume.clone(), "/var/run/in", true)];
        let outcome = rig.run(reader);
        assert_ne!(result_of(&outcome), "hello\n0", "{:?}", rig.view);
        assert!(result_of(&outcome).starts_with("hello\n"), "{:?} {outcome:?}", rig.view);
        assert_eq!(fs::read_to_string(volume.join("file")).unwrap(), "hello\n");
    }
}

#[test]
fn a_nested_volume_lies_on_its_parent_whatever_their_order() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let mut nested = task("a", "echo in > /work/inner/file && ls /work");
        nested.mounts = vec![mount(rig.path("inner"), "/work/inner", false), mount(rig.path("outer"), "/work", false)];
        assert_eq!(result_of(&rig.run(nested)), "inner", "{:?}", rig.view);
        assert_eq!(fs::read_to_string(rig.path("inner/file")).unwrap(), "in\n");
    }
}

#[test]
fn a_single_file_can_be_a_volume() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        fs::write(rig.path("config"), "key=1\n").unwrap();
        let mut reading = task("a", "cat /config/app.conf");
        reading.mounts = vec![mount(rig.path("config"), "/config/app.conf", true)];
        assert_eq!(result_of(&rig.run(reading)), "key=1", "{:?}", rig.view);
    }
}

#[test]
fn what_a_task_wrote_can_be_kept_for_debugging() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let executor = rig.executor.clone().keep_views();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let kill = kubectl_runnable::testing::local::kill::Kill::never();
        let outcome = runtime.block_on(executor.run(task("a", "echo kept > /tmp/file"), kill));
        assert_eq!(outcome.exit_code, Some(0));
        assert_eq!(fs::read_to_string(rig.path("nodes/a/view/tmp/file")).unwrap(), "kept\n", "{:?}", rig.view);
    }
}
