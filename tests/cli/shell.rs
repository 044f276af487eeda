//! `shell`: what a failed task of a local run has left is looked into.

use std::fs;
use std::path::Path;

use crate::support::PROGRAM;
use crate::support::environment::Environment;
use crate::workflows::one_task;

const FAILING: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - name: load
        template: load
        arguments: {artifacts: [{name: source, raw: {data: "rows\n"}}]}
  - name: load
    inputs: {artifacts: [{name: source, path: /mnt/in/source.txt}]}
    volumes: [{name: scratch, emptyDir: {}}]
    script:
      image: busybox
      command: [sh]
      env:
      - {name: DATABASE, value: orders}
      - {name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
      volumeMounts: [{name: scratch, mountPath: /scratch}]
      source: |
        echo half >> /mnt/in/source.txt
        echo left > /tmp/left
        echo kept > /scratch/kept
        echo no database
        exit 3
---
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: hunter2-hunter2}
"#;

fn failed() -> Environment {
    let environment = Environment::with("wf.yaml", FAILING);
    let output = environment.run(["submit", "wf.yaml", "--local"]).exits(3);
    assert!(output.stderr.contains("\nlook around      kubectl runnable shell w load --local\n"), "{output}");
    environment
}

/// The files below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir() && !path.is_symlink());
    files.into_iter().chain(directories.iter().flat_map(|below| self::files(below))).collect()
}

#[test]
fn a_command_finds_what_the_task_had_and_left() {
    let environment = failed();
    let shell = |command: &str| environment.run(["shell", "w", "load", "--local", "--", "sh", "-c", command]);
    let seen = "cat /mnt/in/source.txt /tmp/left /scratch/kept; echo $DATABASE; tail -n 1 /argo/staging/script; pwd";
    assert_eq!(shell(seen).result(0), "rows\nhalf\nleft\nkept\norders\nexit 3\n/\n");
    assert_eq!(shell("echo $PASSWORD").result(0), "secret db/password\n");

    // What is changed there stays there, and the run's record is as it was.
    let _ = shell("echo more > /tmp/more; exit 5").exits(5);
    assert_eq!(shell("cat /tmp/more").result(0), "more\n");
    assert_eq!(environment.run(["logs", "w", "--local"]).result(0), "no database\n");
    assert!(!Path::new("/mnt/in").exists() && !Path::new("/tmp/more").exists());
    // One of them is a pipe, which waits for whoever writes.
    for file in files(&environment.path("state")).iter().filter(|file| file.is_file()) {
        let text = fs::read(file).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains("hunter2"), "{}", file.display());
    }
    assert_eq!(environment.run(["delete", "w", "--local"]).exits(0).stderr, "");
}

/// Python opens a terminal for the command, as its only one: keys go to the shell.
#[test]
fn a_terminal_has_a_shell_with_job_control() {
    let environment = failed();
    let open = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut command = environment.other("python3");
    command.args(["-c", open, PROGRAM, "shell", "--local", "w"]).env("TERM", "xterm").env("PS1", "$ ");
    let keys = "cat /tmp/left; echo flags=$-\nexit 4\n";
    command.stdin(fs::File::open(environment.write("keys", keys)).unwrap());
    let output = environment.finish(&mut command).exits(0);
    let said = &output.stdout;
    assert!(said.contains("load Failed: main: Error (exit code 3)"), "{output}");
    assert!(said.contains("it ran: sh /argo/staging/script"), "{output}");
    assert!(said.lines().any(|line| line.trim_end().ends_with("left")), "{output}");
    let flags = said.split("flags=").last().unwrap_or_default();
    assert!(flags.split_whitespace().next().unwrap_or_default().contains('m'), "job control: {output}");
}

#[test]
fn what_cannot_be_looked_into_is_told() {
    let environment = failed();
    environment.run(["shell", "w", "--local"]).fails(2, &["a shell needs a terminal", "shell RUN NODE -- COMMAND"]);
    environment
        .run(["shell", "w", "laod", "--local", "--", "true"])
        .fails(6, &["no node \"laod\"", "did you mean load?"]);
    environment
        .run(["shell", "w", "load", "-c", "mian", "--local", "--", "true"])
        .fails(6, &["node load has no container \"mian\"", "it has main"]);
    environment.run(["shell", "w", "load", "--local", "--", "no-such-program"]).fails(126, &["no-such-program"]);

    environment.write("good.yaml", one_task("name: good", "true"));
    let _ = environment.run(["submit", "good.yaml", "--local"]).exits(0);
    environment
        .run(["shell", "good", "--local", "--", "true"])
        .fails(6, &["run good has kept no task to look into", "keeps its last failed tasks"]);
}

#[test]
fn the_last_failed_tasks_are_kept_and_no_more() {
    let each = "
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: NAME}
spec:
  entrypoint: main
  parallelism: 1
  templates:
  - name: main
    steps: [[{name: each, template: each, withSequence: {count: '4'}}]]
  - name: each
    container: {image: busybox, command: [sh, -c, 'echo x > /tmp/x; exit 1']}
";
    let environment = Environment::new();
    for (name, flags, kept) in
        [("usual", &[][..], 3), ("one", &["--keep-failed", "1"], 1), ("none", &["--keep-failed=0"], 0)]
    {
        environment.write("wf.yaml", each.replace("NAME", name));
        let _ = environment.run([&["submit", "wf.yaml", "--local"], flags].concat()).exits(3);
        let all = files(&environment.path(&format!("state/runs/default/{name}/nodes")));
        let tasks = all.iter().filter(|path| path.ends_with("task.json")).count();
        let views = all.iter().filter(|path| path.ends_with("view/tmp/x")).count();
        assert_eq!((tasks, views), (kept, kept), "{name}: {all:?}");
    }
    assert_eq!(environment.run(["shell", "usual", "--local", "--", "cat", "/tmp/x"]).result(0), "x\n");
}
