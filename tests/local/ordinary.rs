//! What an ordinary user meets on a machine that is not his alone. Root prepares the machine; without root nothing is tested.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_fs::TempDir;

use crate::support::PROGRAM;

/// No user of any machine.
const USER: u32 = 54_321;
/// A group that the user belongs to beside the own one.
const TEAM: u32 = 54_400;

/// Runs a command of a shell as the user.
const AS_USER: &str = r#"exec setpriv --reuid=$USER_ID --regid=$USER_ID --groups=$USER_ID,$TEAM sh -c "$1""#;

/// A home in a directory of root's.
struct Home(TempDir);

fn home() -> Option<Home> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: needs root");
        return None;
    }
    let home = TempDir::new_in("/var/lib").unwrap();
    fs::copy(PROGRAM, home.path().join("kubectl-runnable")).unwrap();
    give(home.path(), USER, USER, 0o755);
    Some(Home(home))
}

fn give(path: &Path, user: u32, group: u32, mode: u32) {
    chown(path, Some(user), Some(group)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

impl Home {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command of a shell as the user.
    fn shell(&self, command: &str) -> Output {
        self.output(Command::new("sh").args(["-c", AS_USER, "sh", command]))
    }

    /// The same in a container of root's, whose `/proc` hides a file.
    fn container(&self, command: &str) -> Output {
        let masked = format!("mount --bind /dev/null /proc/version && {AS_USER}");
        let namespaces = ["--pid", "--fork", "--mount-proc", "--kill-child"];
        self.output(Command::new("unshare").args(namespaces).args(["sh", "-c", &masked, "sh", command]))
    }

    fn output(&self, command: &mut Command) -> Output {
        let command = command.env_clear().env("PATH", env!("PATH")).env("HOME", self.0.path());
        command
            .env("USER_ID", USER.to_string())
            .env("TEAM", TEAM.to_string())
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    /// Runs a workflow of one task and gives what it wrote, and what was said.
    fn submit(&self, script: &str, inputs: &str) -> (String, Output) {
        let container = format!("container: {{image: busybox, command: [sh, -c, {script:?}]}}");
        let template = format!("{{name: main, inputs: {{artifacts: [{inputs}]}}, {container}}}");
        self.write(&format!("{{entrypoint: main, templates: [{template}]}}"));
        let output = self.shell("./kubectl-runnable submit --local --memoize=off -q -o name w.yaml");
        let log = self.shell("cat .local/state/kubectl-runnable/runs/default/*/nodes/*/main.log").stdout;
        (String::from_utf8(log).unwrap(), output)
    }

    fn write(&self, spec: &str) {
        let head = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: w-}\nspec: ";
        fs::write(self.path("w.yaml"), format!("{head}{spec}\n")).unwrap();
    }
}

#[test]
fn a_directory_of_another_group_can_be_written_in_and_stays_as_it_was() {
    for group in [TEAM, 0] {
        let Some(home) = home() else { return };
        for name in ["team", "team/plain", "team/plain/deep"] {
            fs::create_dir(home.path(name)).unwrap();
            give(&home.path(name), USER, group, 0o2775);
        }
        fs::write(home.path("team/plain/old"), "old").unwrap();
        let deep = home.path("team/plain/deep");
        let script = format!("cd {} && echo new > f && mkdir d && cat f ../old && rm ../old && ls ..", deep.display());
        let (log, output) = home.submit(&script, "");
        assert_eq!(log, "new\nolddeep\n", "{output:?}");
        assert_eq!(fs::read_dir(deep).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(home.path("team/plain/old")).unwrap(), "old");
    }
}

#[test]
fn an_own_directory_far_below_those_of_others_can_be_written_in_and_stays_as_it_was() {
    let Some(home) = home() else { return };
    let others = TempDir::new_in("/var/lib").unwrap();
    give(others.path(), 0, 0, 0o755);
    let mine = others.path().join("a/b/mine");
    fs::create_dir_all(&mine).unwrap();
    give(&mine, USER, USER, 0o700);
    let (log, output) = home.submit(&format!("cd {} && echo new > f && cat f && ls ..", mine.display()), "");
    assert_eq!(log, "new\nmine\n", "{output:?}");
    assert_eq!(fs::read_dir(&mine).unwrap().count(), 0);
}

#[test]
fn an_input_lies_over_the_file_of_another_user() {
    let Some(home) = home() else { return };
    let others = TempDir::new_in("/var/lib").unwrap();
    give(others.path(), 0, 0, 0o755);
    let theirs = others.path().join("theirs");
    fs::write(&theirs, "theirs").unwrap();
    for path in [theirs.to_str().unwrap(), "/usr/bin/env", "/etc/passwd"] {
        let before = fs::read(path).unwrap();
        let input = format!("{{name: in, path: {path}, mode: 384, raw: {{data: mine}}}}");
        let (log, output) = home.submit(&format!("stat -c %a {path} && cat {path} && echo more >> {path}"), &input);
        assert_eq!(log, "600\nmine", "{path}: {output:?}");
        assert!(output.status.success(), "{path}: {output:?}");
        assert_eq!(fs::read(path).unwrap(), before);
        fs::remove_dir_all(home.path(".local")).unwrap();
    }
}

/// Sixty tasks, more than any of these users may run at once.
const MANY: &str = "{entrypoint: main, templates: [{name: main, steps: [[{name: t, template: t, withSequence: {count: 60}}]]}, \
                    {name: t, container: {image: busybox, command: [sh, -c, echo done]}}]}";

#[test]
fn a_run_goes_on_where_few_processes_or_files_are_allowed() {
    for limit in ["prlimit --nproc=60", "prlimit --nofile=64", "prlimit --nofile=40"] {
        let Some(home) = home() else { return };
        home.write(MANY);
        let output = home.shell(&format!("{limit} ./kubectl-runnable submit --local --memoize=off -q w.yaml"));
        assert!(output.status.success(), "{limit}: {output:?}");
    }
}

#[test]
fn a_run_without_room_for_threads_does_not_begin() {
    let Some(home) = home() else { return };
    home.write(MANY);
    for limit in 1..8 {
        let submit = "./kubectl-runnable submit --local --memoize=off -q w.yaml";
        let output = home.shell(&format!("prlimit --nproc={limit} {submit}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains("cannot start threads"), "{limit}: {output:?}");
    }
    assert!(!home.path(".local").exists());
}

#[test]
fn without_namespaces_tasks_share_the_files_of_the_machine_and_a_warning_says_so() {
    let Some(home) = home() else { return };
    home.write(MANY);
    let deny = "echo 0 > /proc/sys/user/max_user_namespaces && echo 0 > /proc/sys/user/max_mnt_namespaces";
    let submit = "./kubectl-runnable submit --local --memoize=off w.yaml";
    let output = home.shell(&format!("unshare -Ur sh -c '{deny} && {submit}'"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("share this machine's file system"), "{output:?}");
}

#[test]
fn a_temporary_directory_without_programs_is_no_hindrance() {
    let Some(home) = home() else { return };
    let (log, output) = {
        home.write(
            "{entrypoint: main, templates: [{name: main, script: {image: busybox, command: [sh], source: echo done}}]}",
        );
        let submit = "./kubectl-runnable submit --local --memoize=off -q w.yaml";
        let output = home.shell(&format!("unshare -Urm sh -c 'mount -t tmpfs -o noexec none /tmp && {submit}'"));
        (home.shell("cat .local/state/kubectl-runnable/runs/default/*/nodes/*/main.log").stdout, output)
    };
    assert_eq!(String::from_utf8_lossy(&log), "done\n", "{output:?}");
}

#[test]
fn only_what_is_ignored_of_a_security_context_is_named() {
    let Some(home) = home() else { return };
    let context = "{privileged: false, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsUser: 1}";
    let container = format!("{{image: busybox, command: [\"true\"], securityContext: {context}}}");
    home.write(&format!("{{entrypoint: main, templates: [{{name: main, container: {container}}}]}}"));
    let output = home.shell("./kubectl-runnable submit --local --memoize=off w.yaml");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("ignored in local runs: securityContext.runAsUser\n"), "{said}");
}

/// A process that notes each signal that reaches it, beside a run; at the end it is sent one that does.
const BESIDE_A_RUN: &str = "sh victim & until test -e note; do sleep 0.05; done
    ./kubectl-runnable submit --local --memoize=off -q w.yaml > said; code=$?
    cat note; kill -USR1 $!; until grep -q reached note; do sleep 0.05; done; kill -KILL $!; exit $code";

#[test]
fn a_task_signals_no_process_of_its_user_or_container() {
    let Some(home) = home() else { return };
    fs::write(home.path("victim"), "trap 'echo reached >> note' USR1; : > note; while :; do sleep 0.05; done").unwrap();
    // Every number that a process of the container can have, and all at once; the sender itself hears none of them.
    let script = "trap '' USR1; grep -qszx 'victi[m]' /proc/[0-9]*/cmdline && echo sees it; for number in $(seq 1 300); do \
                  kill -USR1 $number 2>/dev/null; kill -USR1 -$number 2>/dev/null; done; kill -USR1 -1 2>/dev/null; echo sent";
    let container = format!("container: {{image: busybox, command: [sh, -c, {script:?}]}}");
    home.write(&format!("{{entrypoint: main, templates: [{{name: main, {container}}}]}}"));
    // What is masked in a container keeps its tasks from a /proc of their own.
    for (runs, expected) in [(Home::shell as fn(&Home, &str) -> Output, "sent\n"), (Home::container, "sees it\nsent\n")]
    {
        let output = runs(&home, BESIDE_A_RUN);
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
        let log = home.shell("cat .local/state/kubectl-runnable/runs/default/*/nodes/*/main.log").stdout;
        assert_eq!(String::from_utf8_lossy(&log), expected, "{output:?}");
        fs::remove_dir_all(home.path(".local")).unwrap();
        fs::remove_file(home.path("note")).unwrap();
    }
}
