//! The help of every command, and what it calls the program.

use std::os::unix::process::CommandExt;

use insta::assert_snapshot;

use crate::support::environment::Environment;

#[test]
fn the_help_of_every_command() {
    let environment = Environment::new();
    assert_snapshot!("program", environment.run(["--help"]));
    let program = kubectl_runnable::testing::cli::command();
    let mut commands = Vec::new();
    for command in program.get_subcommands().filter(|one| !one.is_hide_set()) {
        let name = command.get_name();
        assert_snapshot!(name, environment.run([name, "--help"]));
        for verb in command.get_subcommands().map(clap::Command::get_name) {
            assert_snapshot!(format!("{name}-{verb}"), environment.run([name, verb, "--help"]));
        }
        commands.push(name);
    }
    assert_eq!(
        commands,
        [
            "submit",
            "retry",
            "lint",
            "list",
            "status",
            "wait",
            "watch",
            "progress",
            "logs",
            "shell",
            "report",
            "graph",
            "cp",
            "open",
            "suspend",
            "resume",
            "stop",
            "terminate",
            "delete",
            "node",
            "template",
            "cluster-template",
            "cron",
            "archive",
            "cache",
            "exec",
            "semaphore",
            "worktree",
            "bundle",
            "config",
            "doctor",
            "completion",
            "version",
        ]
    );
}

#[test]
fn no_command_at_all_is_answered_with_help() {
    let output = Environment::new().run([] as [&str; 0]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""));
    assert!(output.stderr.contains("Usage: kubectl runnable [OPTIONS] <COMMAND>"), "{output}");
}

#[test]
fn the_program_is_called_as_it_was_called() {
    let environment = Environment::new();
    for (called, usage) in [
        ("kubectl-runnable", "Usage: kubectl runnable submit"),
        ("/usr/local/bin/kubectl-runnable", "Usage: kubectl runnable submit"),
        ("runnable", "Usage: runnable submit"),
    ] {
        let output = environment.command(["submit", "--help"]).arg0(called).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().contains(usage), "{called}");
    }
}

#[test]
fn the_version() {
    let output = Environment::new().run(["--version"]);
    assert_eq!(output.result(0), concat!("kubectl-runnable ", env!("CARGO_PKG_VERSION"), "\n"));
}
