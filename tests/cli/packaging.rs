//! How the program is got: the archives of a release, what is filled in for krew and Homebrew, and the GitHub Action.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::PROGRAM;
use crate::support::environment::Environment;
use crate::workflows::one_task;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// An archive of this program, with the path of a manual page that stands for all.
fn archive(environment: &Environment, version: &str, platform: &str, directory: &str) -> PathBuf {
    std::fs::create_dir_all(environment.path("man")).unwrap();
    environment.write("man/kubectl-runnable.1", ".TH kubectl-runnable 1");
    let script = root().join("packaging/archive");
    let mut command = Command::new(script);
    command.args([version, platform, PROGRAM]).arg(environment.path("man")).arg(environment.path(directory));
    PathBuf::from(run(&mut command).trim())
}

#[test]
fn an_archive_holds_all_that_is_installed() {
    let environment = Environment::new();
    let first = archive(&environment, "v0.1.0", "linux_amd64", "dist");
    assert_eq!(first, environment.path("dist/kubectl-runnable_v0.1.0_linux_amd64.tar.gz"));
    let listed = run(Command::new("tar").arg("-tzf").arg(&first));
    for file in [
        "LICENSE",
        "kubectl-runnable",
        "kubectl_complete-runnable",
        "man/kubectl-runnable.1",
        "completions/kubectl-runnable.bash",
        "completions/_kubectl-runnable",
        "completions/kubectl-runnable.fish",
        "completions/kubectl-runnable.elv",
        "completions/kubectl-runnable.ps1",
    ] {
        assert!(listed.lines().any(|line| line == file), "{file}: {listed}");
    }
    let checksum = first.with_file_name("kubectl-runnable_v0.1.0_linux_amd64.tar.gz.sha256");
    run(Command::new("sha256sum").args(["--check", "--quiet"]).arg(checksum).current_dir(environment.path("dist")));

    let second = archive(&environment, "v0.1.0", "linux_amd64", "again");
    assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap(), "equal files make equal archives");
}

#[test]
fn the_checksums_are_those_of_the_archives() {
    let environment = Environment::new();
    let platforms = ["darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"];
    std::fs::create_dir(environment.path("dist")).unwrap();
    let archives = platforms.map(|platform| {
        PathBuf::from(environment.write(&format!("dist/kubectl-runnable_v9.8.7_{platform}.tar.gz"), platform))
    });
    run(Command::new(root().join("packaging/fill")).arg("v9.8.7").arg(environment.path("dist")));
    for name in ["runnable.yaml", "kubectl-runnable.rb"] {
        let text = std::fs::read_to_string(environment.path("dist").join(name)).unwrap();
        for archive in &archives {
            let sum = run(Command::new("sha256sum").arg(archive));
            let sum = sum.split(' ').next().unwrap();
            let address = format!("/releases/download/v9.8.7/{}", archive.file_name().unwrap().to_str().unwrap());
            let at = text.find(&address).unwrap_or_else(|| panic!("{address}: {text}"));
            assert!(text[at..].lines().nth(1).is_some_and(|line| line.contains(sum)), "{name}: {text}");
        }
        assert!(!text.contains("0.1.0"), "{name}: {text}");
    }
    // An archive that is missing fails the release.
    std::fs::remove_file(&archives[0]).unwrap();
    let mut again = Command::new(root().join("packaging/fill"));
    assert!(!again.arg("v9.8.7").arg(environment.path("dist")).output().unwrap().status.success());
}

/// The script of the action's last step, as a runner starts it.
fn action(environment: &Environment, variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let action: serde_json::Value = serde_yaml::from_str(include_str!("../../action.yml")).unwrap();
    let steps = action["runs"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["id"] == "submit").unwrap();
    let script = environment.write("step.sh", step["run"].as_str().unwrap());
    let bin = environment.path("bin");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(PROGRAM, bin.join("kubectl-runnable")).unwrap();
    }
    let mut command = environment.other("bash");
    command.args(["--noprofile", "--norc", "-e", "-o", "pipefail"]).arg(script);
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    command.env("GITHUB_OUTPUT", environment.path("output"));
    for name in step["env"].as_object().unwrap().keys() {
        let given = variables.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value);
        command.env(name, given);
    }
    let output = environment.finish(&mut command);
    let told = std::fs::read_to_string(environment.path("output")).unwrap_or_default();
    (output.code, told, output.stdout)
}

#[test]
fn the_action_submits_waits_and_keeps_the_exit_code() {
    let echo = one_task("generateName: hello-", "echo $WHO");
    let environment = Environment::with("hello.yaml", echo).file("bad.yaml", one_task("name: bad", "exit 3"));
    let usual = [("LOCAL", "true"), ("TIMEOUT", "1m"), ("CACHE", "My cache"), ("REPORT", "run.xml")];
    let (code, told, _) = action(&environment, &[&[("FILE", "hello.yaml")], &usual[..]].concat());
    assert_eq!(code, Some(0));
    assert!(told.starts_with("workflow=hello-"), "{told}");
    assert!(environment.path("run.xml").exists());
    let (code, told, said) = action(&environment, &[&[("FILE", "bad.yaml")], &usual[..]].concat());
    assert_eq!(code, Some(3));
    assert!(told.ends_with("workflow=bad\n"), "{told}");
    assert!(said.contains("::error file=bad.yaml::workflow bad ended with exit code 3"), "{said}");
}
