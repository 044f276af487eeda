//! A view that served another task is as a new one, whatever that task has left behind.

use std::fs;

use kubectl_runnable::testing::local::task::{Security, Task};
use kubectl_runnable::testing::local::view::View;

use crate::rig::{Rig, isolating_views, mount, raw, result_of, task};

/// What a task can tell of the place that it runs in. Times of what is made for each task, numbers of mounts and names of
/// directories of the run are left out.
const REPORT: &str = r"
    for path in / /etc /home /media /mnt /opt /root /usr /var; do
        test -e $path && stat -c '%n %f %u %g %s %h %Y' $path; lsattr -d $path 2>&1 | cut -d' ' -f1
        getfattr -d -m - $path 2>/dev/null; getfacl -p $path 2>/dev/null
    done
    for path in /tmp /var/tmp /dev /dev/shm /dev/mqueue /dev/pts /dev/null /sys /proc /argo; do
        test -e $path && stat -c '%n %f %u %g %s %t %T' $path; getfattr -d -m - $path 2>/dev/null
    done
    ls -A / /tmp /var/tmp /dev /dev/shm /dev/mqueue /mnt /opt
    awk '{print $4, $5, $6, $(NF-2)}' /proc/self/mountinfo | sed 's#/[^ ]*/views/[0-9-]*##; s#/[^ ]*/\.tmp[A-Za-z0-9]*#RUN#'
    grep -E '^(Uid|Gid|Groups|Cap|NoNew|SigPnd|SigBlk|SigIgn|SigCgt|Shd|Umask|Cpus_allowed|Mems_allowed|NSpid|NSsid|NSpgid|Seccomp|Threads)' /proc/self/status
    cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup
    cut -d' ' -f4-8,18,19 /proc/$$/stat
    env | sort; ls /proc/self/fd | wc -l;  hostname; ipcs | sed 's/ *$//'
    set -- /proc/[0-9]*; echo $# processes, this is $$; sysctl -a 2>/dev/null | grep -E '^(kernel.(msg|sem|shm)|fs.mqueue|kernel.hostname|kernel.domainname)'
    grep -c . /etc/passwd; ls /usr/bin | wc -l
";

/// What tasks leave behind. Each may fail, for want of rights or of a program.
const REMAINS: [&str; 37] = [
    "echo x > /left",
    "echo x > /left; rm /left",
    "mkdir -p /a/b/c /etc/left /mnt/left /srv/left; echo x > /opt/left",
    "mkdir /many; touch $(seq -f /many-%g 500); rm -r /many*",
    "rm -rf /etc/passwd /usr/bin/env /home",
    "mv /media /media-moved; mv /srv /srv-moved",
    "chmod 700 /",
    "chmod 1777 /etc /mnt",
    "chown 1:1 / /etc",
    "touch -d 2001-01-01 / /etc /mnt",
    "setfattr -n user.left -v x /; setfattr -n trusted.left -v x / /etc; setfacl -m u:1:rwx /",
    "chattr +d / /etc; chattr +i /mnt",
    "echo x > /tmp/left; mkdir -p /tmp/a/b; chmod 0 /tmp/a; ln -s / /tmp/root",
    "chmod 700 /tmp; chown 1 /var/tmp",
    "rm -rf /tmp /var/tmp; mkdir /tmp",
    "echo x > /var/tmp/left; mkfifo /var/tmp/pipe",
    "echo x > /dev/shm/left; echo x > /dev/left; rm -f /dev/null; ln -s /etc/passwd /dev/null",
    "chmod 600 /dev/null /dev/zero; chmod 700 /dev/shm",
    "mkdir -p /dev/mqueue/x; echo x > /dev/mqueue/left",
    "ipcmk -Q; ipcmk -M 4096; ipcmk -S 2",
    "hostname left; domainname left",
    "sleep 1000 & setsid sleep 1000 & (sleep 1000 > /dev/null 2>&1 &)",
    "trap '' TERM HUP INT; (trap '' TERM; sleep 1000) &",
    "ulimit -n 20; ulimit -c 0; ulimit -u 50; umask 077; echo 500 > /proc/self/oom_score_adj",
    "renice 10 $$; renice 10 $PPID; taskset -p 1 $$; taskset -p 1 1; chrt -i -p 0 $$",
    "echo 1 > /proc/1/oom_score_adj; kill -STOP 1; kill -9 1; kill -USR1 1",
    "echo 1000 > /proc/sys/kernel/msgmax; echo 20 > /proc/sys/fs/mqueue/queues_max",
    "perl -e '($t, $n, $v) = qw(user left x); syscall($_, $t, $n, $v, 1, -3), syscall($_, $t, $n, $v, 1, -4) for (248, 217)'",
    "mount -t tmpfs none /mnt; mount --bind /etc /srv; umount /tmp; umount /proc",
    "mkdir /argo; echo x > /argo/left; echo x > /proc/1/fd/1; echo x > /proc/1/fd/3",
    "exit 3",
    "kill -9 -1",
    "setfacl -m u:1:rwx /tmp /var/tmp; setfattr -n user.left -v x /tmp /dev/shm; chattr +d /tmp",
    "touch -d 2001-01-01 /tmp /var/tmp /dev/shm; chmod 0 /tmp /dev/shm; chown 1:1 /tmp",
    "setfacl -m u:1:rw /dev/null /dev/pts/ptmx; chmod 600 /dev/pts/ptmx; touch -d 2001-01-01 /dev/zero",
    "mkdir -p /tmp/deep; cd /tmp/deep; for n in $(seq 60); do mkdir d; cd d; done; chattr +i /tmp/deep",
    "unshare -Um sh -c 'mount -t tmpfs none /mnt; mount --bind /etc /srv; umount -l /tmp'; echo 1 > /proc/self/timens_offsets",
];

fn reporting(node: &str) -> Task {
    task(node, REPORT)
}

#[test]
fn the_next_task_in_a_view_finds_what_the_first_task_in_a_new_view_finds() {
    for view in isolating_views() {
        let fresh = Rig::new(view.clone());
        let expected = result_of(&fresh.run(reporting("report"))).to_owned();
        assert!(expected.contains("CapBnd") && expected.contains("Max open files"), "{expected}");

        // A fault in that view would let root's tasks change the host's devices: isolation.rs tests it with less harm.
        let is_safe = |remains: &&&str| view == View::Overlay || !remains.contains("/dev");
        let remains: Vec<&str> = REMAINS.iter().filter(is_safe).copied().collect();
        let used = Rig::new(view.clone());
        for (number, left) in remains.iter().enumerate() {
            let other = remains[(number * 7 + 3) % remains.len()];
            let script = format!("({left}) >/dev/null 2>&1; ({other}) >/dev/null 2>&1");
            let mut leaving = task("leaving", &script);
            leaving.capture_result = false;
            let _ = used.run(leaving);
            let found = used.run(reporting("report"));
            assert_eq!(result_of(&found), expected, "{:?} after {left} and {other}", used.view);
        }
    }
}

#[test]
fn tasks_with_mounts_of_their_own_leave_nothing_in_the_view() {
    for view in isolating_views() {
        let fresh = Rig::new(view.clone());
        let report = |node: &str| {
            let mut reporting = reporting(node);
            reporting.mounts = vec![mount(fresh.path("volume"), "/srv/deep", false)];
            reporting
        };
        let expected = result_of(&fresh.run(report("report"))).to_owned();
        let plain = result_of(&fresh.run(reporting("plain"))).to_owned();
        let used = Rig::new(view);
        for (number, left) in ["echo x > /srv/deep/left", "echo x > /srv/left", "rm -rf /srv"].iter().enumerate() {
            let mut leaving = report("leaving");
            leaving.main[0].command = vec!["sh".to_owned()];
            leaving.main[0].script = Some(format!("{left}; echo x > /argo/staging/left"));
            leaving.input_artifacts = vec![raw("/tmp/in/file", "x", None), raw("/in", "x", None)];
            assert_eq!(used.run(leaving).error, None, "{:?} {number}", used.view);
            assert_eq!(result_of(&used.run(report("report"))), expected, "{:?} after {left}", used.view);
            assert_eq!(result_of(&used.run(reporting("plain"))), plain, "{:?} after {left}", used.view);
        }
    }
}

/// Random pairs and triples of what tasks leave behind; `REUSE=n` tries more of them.
#[test]
fn random_tasks_leave_nothing_behind() {
    let rounds = std::env::var("REUSE").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6);
    for view in isolating_views() {
        let is_safe = |remains: &&&str| view == View::Overlay || !remains.contains("/dev");
        let remains: Vec<&str> = REMAINS.iter().filter(is_safe).copied().collect();
        let expected = result_of(&Rig::new(view.clone()).run(reporting("report"))).to_owned();
        let used = Rig::new(view);
        let mut seed = std::process::id();
        for _ in 0..rounds {
            let mut scripts = Vec::new();
            for _ in 0..3 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                scripts.push(format!("({})>/dev/null 2>&1", remains[seed as usize / 7919 % remains.len()]));
            }
            let script = scripts.join("; ");
            let mut leaving = task("leaving", &script);
            leaving.capture_result = false;
            let _ = used.run(leaving);
            assert_eq!(result_of(&used.run(reporting("report"))), expected, "{:?} after {script}", used.view);
        }
    }
}

#[test]
fn a_privileged_task_leaves_nothing_either() {
    let fresh = Rig::best();
    if fresh.view != View::Overlay {
        eprintln!("not tested: needs root");
        return;
    }
    let expected = result_of(&fresh.run(reporting("report"))).to_owned();
    let used = Rig::best();
    for remains in REMAINS.iter().filter(|remains| !remains.contains("/proc/sys") && !remains.contains("/dev")) {
        let mut leaving = task("leaving", &format!("({remains}) >/dev/null 2>&1; true"));
        leaving.main[0].security = Security { privileged: true, ..Security::default() };
        let _ = used.run(leaving);
        assert_eq!(result_of(&used.run(reporting("report"))), expected, "after {remains}");
    }
}

#[test]
fn a_task_sees_the_host_as_it_is_when_the_task_begins() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for view in isolating_views() {
        let rig = Rig::new(view);
        // Not below the home of root, which the view of an ordinary user hides.
        let host = tempfile::tempdir_in("/srv").unwrap();
        let file = host.path().join("file");
        let read = |node: &str| {
            let script = format!(
                "cat {0} 2>/dev/null || echo none; ls -A {1}; echo x > {0}",
                file.display(),
                host.path().display()
            );
            result_of(&rig.run(task(node, &script))).to_owned()
        };
        assert_eq!(read("missing"), "none", "{:?}", rig.view);
        fs::write(&file, "one\n").unwrap();
        assert_eq!(read("made"), "one\nfile", "{:?}", rig.view);
        fs::write(host.path().join("new"), "two\n").unwrap();
        fs::rename(host.path().join("new"), &file).unwrap();
        assert_eq!(read("replaced"), "two\nfile", "{:?}", rig.view);
        fs::remove_file(&file).unwrap();
        assert_eq!(read("removed"), "none", "{:?}", rig.view);
        let entry = tempfile::tempdir_in("/srv").unwrap();
        let seen =
            result_of(&rig.run(task("entry", &format!("test -d {} && echo seen", entry.path().display())))).to_owned();
        assert_eq!(seen, "seen", "{:?}", rig.view);
    }
}
