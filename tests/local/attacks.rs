//! Ways out of a view onto the host: what a document names and what a task has planted stays in the view.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use kubectl_runnable::testing::local::task::{ArtifactSource, Mount, Security, Task};
use kubectl_runnable::testing::local::view::View;

use crate::rig::{Rig, all_views, input, isolating_views, mount, output, parameter, raw, result_of, task};
use crate::support::wait::wait_until;

const DOORS: [&str; 3] = ["/.kubectl-runnable-host", "/proc/1/root", "/proc/1/cwd"];

/// A directory that a task must neither read nor change.
fn host(rig: &Rig) -> PathBuf {
    let host = rig.path("host");
    fs::create_dir_all(host.join("tree/sub")).unwrap();
    fs::write(host.join("file"), "mine").unwrap();
    fs::write(host.join("tree/sub/file"), "mine").unwrap();
    host
}

fn assert_untouched(host: &Path, about: &str) {
    let names = |path: &Path| {
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(host), ["file", "tree"], "{about}");
    assert_eq!(names(&host.join("tree/sub")), ["file"], "{about}");
    assert_eq!(fs::read_to_string(host.join("file")).unwrap(), "mine", "{about}");
    assert_eq!(fs::read_to_string(host.join("tree/sub/file")).unwrap(), "mine", "{about}");
}

/// A path through each door.
fn through(path: &Path) -> impl Iterator<Item = String> + '_ {
    DOORS.iter().map(|door| format!("{door}{}", path.display()))
}

#[test]
fn no_input_is_laid_on_the_host() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let host = host(&rig);
        fs::create_dir(rig.path("stored")).unwrap();
        fs::write(rig.path("stored/file"), "theirs").unwrap();
        for target in ["file", "new/file", "tree"].iter().flat_map(|name| through(&host.join(name)).collect::<Vec<_>>())
        {
            for source in [ArtifactSource::Raw("theirs".to_owned()), ArtifactSource::Stored(rig.path("stored"))] {
                let mut laying = task("a", "true");
                laying.input_artifacts = vec![input(&target, source, Some(0o777))];
                let _ = rig.run(laying);
                assert_untouched(&host, &format!("{:?} {target}", rig.view));
            }
        }
    }
}

#[test]
fn no_volume_working_directory_or_output_is_of_the_host() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let host = host(&rig);
        for target in through(&host) {
            let mut mounting = task("a", "echo theirs > file; true");
            mounting.mounts = vec![
                mount(rig.path("volume"), &format!("{target}/new"), false),
                mount(rig.path("volume"), &format!("{target}/tree"), false),
            ];
            let _ = rig.run(mounting);
            let mut working = task("a", "echo theirs > file; pwd");
            working.main[0].working_directory = Some(format!("{target}/new").into());
            let _ = rig.run(working);
            let mut reading = task("a", "true");
            reading.output_parameters = vec![parameter(&format!("{target}/file"), Some("none"))];
            reading.output_artifacts = vec![output(&format!("{target}/tree"), rig.path("artifacts/out"))];
            let outcome = rig.run(reading);
            assert_ne!(outcome.parameters.get("value").map(String::as_str), Some("mine"), "{:?} {target}", rig.view);
            assert!(outcome.artifacts.is_empty(), "{:?} {target}", rig.view);
            assert_untouched(&host, &format!("{:?} {target}", rig.view));
        }
    }
}

#[test]
fn no_link_that_a_task_has_planted_in_a_volume_leads_to_the_host() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let host = host(&rig);
        let with_volume = |mut task: Task| {
            task.mounts = vec![mount(rig.path("volume"), "/work", false)];
            task
        };
        let doors: Vec<String> = DOORS.iter().map(|door| (*door).to_owned()).collect();
        let descriptors = (3..40).flat_map(|n| [format!("/proc/1/fd/{n}"), format!("/proc/self/fd/{n}/..")]);
        let doors: Vec<String> = doors.into_iter().chain(descriptors).collect();
        let plant: String = doors
            .iter()
            .enumerate()
            .fold(String::new(), |text, (n, door)| text + &format!("ln -s {door} /work/l{n}; "));
        assert_eq!(rig.run(with_volume(task("plant", &plant))).exit_code, Some(0));

        for (n, _) in doors.iter().enumerate().take(12) {
            let below = host.strip_prefix("/").unwrap().display().to_string();
            let mut using = with_volume(task("use", "true"));
            using.input_artifacts = vec![raw(&format!("/work/l{n}/{below}/file"), "theirs", None)];
            let _ = rig.run(using);
            let mut using = with_volume(task("use", "echo theirs > file"));
            using.main[0].working_directory = Some(format!("/work/l{n}/planted").into());
            let _ = rig.run(using);
        }
        assert_untouched(&host, &format!("{:?}", rig.view));
        for directory in ["nodes", "."] {
            let planted =
                fs::read_dir(rig.path(directory)).unwrap().any(|entry| entry.unwrap().file_name() == "planted");
            assert!(!planted, "{:?}: in {directory}", rig.view);
        }
    }
}

#[test]
fn a_sub_path_does_not_leave_its_volume() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let host = host(&rig);
        fs::create_dir(rig.path("volume")).unwrap();
        symlink(&host, rig.path("volume/out")).unwrap();
        symlink("../host", rig.path("volume/beside")).unwrap();
        fs::create_dir(rig.path("volume/real")).unwrap();
        symlink("real", rig.path("volume/inside")).unwrap();
        let below = |sub_path: &str| Mount { sub_path: sub_path.into(), ..mount(rig.path("volume"), "/work", false) };
        for sub_path in ["out", "beside", "out/tree", "out/new"] {
            let mut using = task("a", "echo theirs > /work/file");
            using.mounts = vec![below(sub_path)];
            assert!(rig.run(using).error.is_some(), "{:?} {sub_path}", rig.view);
            assert_untouched(&host, sub_path);
        }
        for sub_path in ["real", "inside", "new/deep"] {
            let mut using = task("a", "echo theirs > /work/file && cat /work/file");
            using.mounts = vec![below(sub_path)];
            assert_eq!(result_of(&rig.run(using)), "theirs", "{:?} {sub_path}", rig.view);
            assert!(rig.path("volume").join(sub_path).join("file").exists());
        }
    }
}

#[test]
fn an_input_over_a_volume_removes_nothing_of_it() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let volume = host(&rig);
        fs::create_dir(rig.path("stored")).unwrap();
        for content in [ArtifactSource::Raw("theirs".to_owned()), ArtifactSource::Stored(rig.path("stored"))] {
            let mut laying = task("a", "true");
            laying.mounts = vec![mount(volume.clone(), "/outer/volume", false)];
            laying.input_artifacts = vec![input("/outer", content, None)];
            let _ = rig.run(laying);
            assert_untouched(&volume, &format!("{:?}", rig.view));
        }
    }
}

#[test]
fn a_link_out_of_an_archive_does_not_leave_its_artifact() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let host = host(&rig);
        let store = rig.path("artifacts/tree");
        let script = "mkdir -p /in/up && cd /in && ln -s / root && ln -s ../../../host beside && echo x > file \
                      && tar -cf /tmp/a.tar root beside file up && mkdir /out && tar -xf /tmp/a.tar -C /out";
        let mut unpacking = task("unpack", script);
        unpacking.output_artifacts = vec![output("/out", store.clone())];
        assert_eq!(rig.run(unpacking).error, None);
        for below in [format!("root{}", host.join("file").display()), "beside/file".to_owned()] {
            let mut using = task("use", "cat /in");
            using.input_artifacts = vec![input("/in", ArtifactSource::Stored(store.join(&below)), None)];
            let outcome = rig.run(using);
            assert!(outcome.error.is_some(), "{:?} {below}: {outcome:?}", rig.view);
        }
        let mut merging = task("merge", "true");
        merging.mounts = vec![mount(rig.path("volume"), "/work", false)];
        fs::create_dir_all(rig.path("volume/in")).unwrap();
        symlink(&host, rig.path("volume/in/up")).unwrap();
        symlink(host.join("file"), rig.path("volume/in/file")).unwrap();
        merging.input_artifacts = vec![input("/work/in", ArtifactSource::Stored(store), None)];
        assert_eq!(rig.run(merging).error, None);
        assert_untouched(&host, &format!("{:?}", rig.view));
        assert_eq!(fs::read_to_string(rig.path("volume/in/file")).unwrap(), "x\n");
    }
}

#[test]
fn no_name_of_a_container_is_a_path() {
    for view in all_views() {
        let rig = Rig::new(view);
        fs::write(rig.path("x.log"), "mine").unwrap();
        for name in ["../../x", "/tmp/x", "a/b", "."] {
            let mut named = task("a", "echo theirs");
            named.main[0].name = name.to_owned();
            let outcome = rig.run(named);
            if name != "." {
                assert!(outcome.error.is_some_and(|error| error.contains("name of a file")), "{:?} {name}", rig.view);
            }
        }
        assert_eq!(fs::read_to_string(rig.path("x.log")).unwrap(), "mine");
    }
}

/// What a task of root must not be able to do; each line prints its name when it could.
const BREAKOUTS: &str = "
    for fd in /proc/1/fd/*; do ls $fd/. >/dev/null 2>&1 && echo fd; done
    ls /proc/1/root/. >/dev/null 2>&1 && readlink /proc/1/root && echo root
    umount /tmp 2>/dev/null && echo umount
    mount -t tmpfs none /mnt 2>/dev/null && echo mount
    mount -o remount,rw /sys 2>/dev/null && echo remount
    echo 1 2>/dev/null > /proc/sys/vm/drop_caches && echo sys
    echo h 2>/dev/null > /proc/sysrq-trigger && echo sysrq
    touch /sys/fs/cgroup/x 2>/dev/null && echo cgroup
    mkdir /sys/fs/cgroup/planted 2>/dev/null && echo cgroup
    mknod /tmp/disk b 254 0 2>/dev/null && head -c 1 /tmp/disk >/dev/null 2>&1 && echo device
    for disk in /dev/vd* /dev/sd* /dev/nvme* /dev/mem /dev/kmsg; do test -e $disk && echo $disk; done
    hostname planted 2>/dev/null && echo hostname
    head -c 1 /proc/kcore >/dev/null 2>&1 && test $(head -c 1 /proc/kcore | wc -c) = 1 && echo kcore
    unshare -m true 2>/dev/null && test $(id -u) = 0 && echo unshare
    true";

#[test]
fn a_task_of_root_has_the_rights_of_a_container() {
    let rig = Rig::best();
    if rig.view != View::Overlay {
        eprintln!("not tested: needs root");
        return;
    }
    assert_eq!(result_of(&rig.run(task("a", BREAKOUTS))), "");
    let own = "hostname; ipcs -q | grep -c 0x || true; grep -vc ':/$' /proc/self/cgroup; \
               grep CapBnd /proc/self/status | tr -d '\\t'; ls /dev | tr '\\n' ' '";
    let outcome = rig.run(task("node-1", own));
    let lines: Vec<&str> = result_of(&outcome).lines().collect();
    assert_eq!(lines[..4], ["node-1", "0", "0", "CapBnd:00000000a00425fb"][..], "{outcome:?}");
    for device in ["null", "urandom", "pts", "shm", "ptmx", "fd"] {
        assert!(lines[4].split(' ').any(|name| name == device), "{device} of {}", lines[4]);
    }
}

#[test]
fn a_security_context_is_honoured() {
    let rig = Rig::best();
    let bounding = |security: Security| {
        let mut asking = task("a", "grep -E 'CapBnd|NoNewPrivs' /proc/self/status | tr -d '\\t' | tr '\\n' ' '");
        asking.main[0].security = security;
        result_of(&rig.run(asking)).to_owned()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let dropped = Security { drop: names(&["ALL"]), add: names(&["NET_ADMIN"]), ..Security::default() };
    assert_eq!(bounding(dropped), "CapBnd:0000000000001000 NoNewPrivs:0 ");
    let fixed = Security { no_new_privileges: true, drop: names(&["ALL"]), ..Security::default() };
    assert_eq!(bounding(fixed), "CapBnd:0000000000000000 NoNewPrivs:1 ");
    let mut mounting = task("a", "mount -t tmpfs none /mnt && echo mounted");
    mounting.main[0].security.privileged = true;
    assert_eq!(result_of(&rig.run(mounting)), "mounted");
}

/// A key of this user, which is in no namespace of its own.
struct Key(String);

/// The system calls that add a key and that ask for one.
const KEY_CALLS: (u32, u32) = if cfg!(target_arch = "aarch64") { (217, 219) } else { (248, 250) };

impl Key {
    /// What tells whether the key can be found, what adds it, and what takes it away.
    fn scripts(&self) -> [String; 3] {
        let (Self(name), (add, ask)) = (self, KEY_CALLS);
        let perl = |call: &str, told: &str| {
            format!("perl -e '($t, $n, $v) = qw(user {name} x); print syscall({call}) >= 0 ? \"{told}\" : \"$!\"'")
        };
        [
            perl(&format!("{ask}, 10, -4, $t, $n, 0"), "found"),
            perl(&format!("{add}, $t, $n, $v, 1, -4"), "added"),
            perl(&format!("{ask}, 9, syscall({ask}, 10, -4, $t, $n, 0), -4"), "gone"),
        ]
    }
}

fn told_here(script: &str) -> String {
    let told = Command::new("sh").args(["-c", script]).env("LC_ALL", "C").output().unwrap();
    String::from_utf8(told.stdout).unwrap()
}

impl Drop for Key {
    fn drop(&mut self) {
        told_here(&self.scripts()[2]);
    }
}

#[test]
fn no_task_reads_or_adds_keys_of_its_user() {
    let ours = Key(format!("runnable-ours-{}", std::process::id()));
    let theirs = Key(format!("runnable-theirs-{}", std::process::id()));
    assert_eq!(told_here(&ours.scripts()[1]), "added", "this test needs a kernel with keys, and perl");
    assert_eq!(told_here(&ours.scripts()[0]), "found");
    for view in isolating_views() {
        let rig = Rig::new(view);
        for script in [&ours.scripts()[0], &theirs.scripts()[1]] {
            assert_eq!(result_of(&rig.run(task("a", script))), "Operation not permitted", "{:?}: {script}", rig.view);
        }
    }
    assert_eq!(told_here(&theirs.scripts()[0]), "Required key not available");
}

/// A process that notes each signal that reaches it.
struct Victim(Child);

impl Victim {
    fn begin(note: &Path) -> Self {
        let script = format!("trap 'echo reached >> {0}' USR1; : > {0}; while :; do sleep 0.05; done", note.display());
        let victim = Self(Command::new("sh").args(["-c", &script]).process_group(0).spawn().unwrap());
        wait_until("the process waits for signals", || note.exists());
        victim
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn no_signal_of_a_task_reaches_a_process_of_the_host() {
    for view in all_views() {
        let rig = Rig::new(view.clone());
        let note = rig.path("note");
        let victim = Victim::begin(&note);
        // Its own number, its group, and the engine.
        let signals = format!(
            "for victim in {0} -{0}; do kill -USR1 $victim 2>/dev/null && echo $victim; done; kill -0 {1} 2>/dev/null \
             && echo engine; true",
            victim.0.id(),
            std::process::id()
        );
        let outcome = rig.run(task("a", &signals));
        if let View::Plain(_) = view {
            // There is nothing between them: so the signals are real.
            assert_eq!(result_of(&outcome).lines().count(), 3, "{outcome:?}");
            wait_until("a signal arrives", || fs::read_to_string(&note).is_ok_and(|text| text.contains("reached")));
            continue;
        }
        assert_eq!(result_of(&outcome), "", "{view:?}");
        // A signal that had been sent before this one would be noted first.
        let id = rustix::process::Pid::from_child(&victim.0);
        assert_eq!(fs::read_to_string(&note).unwrap(), "", "{view:?}");
        rustix::process::kill_process(id, rustix::process::Signal::USR1).unwrap();
        wait_until("a signal arrives", || fs::read_to_string(&note).is_ok_and(|text| text == "reached\n"));
    }
}
