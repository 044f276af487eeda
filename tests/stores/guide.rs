//! The jobs that docs/how-to shows for CI, run as they stand there on a bucket.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::rig::{Kind, Rig};
use crate::support::PROGRAM;
use crate::support::output::Output;

/// The YAML blocks of a page, in their order.
fn blocks(page: &str) -> Vec<Value> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to").join(page)).unwrap();
    let blocks = page.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned());
    blocks.map(|block| serde_yaml::from_str(&block).unwrap()).collect()
}

/// The checkout of a commit, in the bucket's environment, with the program on the path.
fn checkout(rig: &Rig) {
    rig.write("src/main.c", "int main() { return 0; }\n");
    rig.write("Makefile", "dist:\n\tmkdir -p dist\n\techo built >dist/app\n\techo x >>ran\n");
    fs::create_dir_all(rig.path("bin")).unwrap();
    let program = rig.path("bin/kubectl-runnable");
    if !program.exists() {
        std::os::unix::fs::symlink(PROGRAM, program).unwrap();
    }
}

fn run(rig: &Rig, script: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = rig.environment.other("sh");
    command.args(["-ec", script]).env("RUNNABLE_STORE", &rig.url);
    let path = format!("{}:{}", rig.path("bin").display(), std::env::var("PATH").unwrap());
    command.env("PATH", path).envs(variables.iter().copied());
    rig.environment.finish(&mut command)
}

#[test]
fn the_job_for_github_builds_once_and_a_fork_only_reads() {
    let rig = Rig::new(Kind::S3);
    let jobs = blocks("github-actions.md");
    let steps = jobs[0]["jobs"]["build"]["steps"].as_array().unwrap();
    let script = steps.iter().find_map(|step| step["run"].as_str()).unwrap().to_owned();
    let flags = jobs[0]["jobs"]["build"]["env"]["READ_ONLY"].as_str().unwrap().split('\'').nth(1).unwrap();
    assert!(flags.contains("--read-only"));

    checkout(&rig);
    let fork = [("READ_ONLY", flags)];
    let _ = run(&rig, &script, &fork).exits(0);
    assert!(!rig.files.join("cache").exists(), "a fork writes nothing");
    let member = [("READ_ONLY", "")];
    fs::remove_dir_all(rig.path("dist")).unwrap();
    let _ = run(&rig, &script, &member).exits(0);
    assert_eq!(rig.runs(), 2);

    // The next job has the checkout alone.
    for variables in [&member, &fork] {
        fs::remove_dir_all(rig.path("dist")).unwrap();
        let done = run(&rig, &script, variables).exits(0);
        assert!(done.stderr.contains("cached: "), "{done:?}");
        assert_eq!((rig.runs(), rig.read("dist/app").as_str()), (2, "built\n"));
    }
    rig.write("src/main.c", "int main() { return 1; }\n");
    fs::remove_dir_all(rig.path("dist")).unwrap();
    let _ = run(&rig, &script, &member).exits(0);
    assert_eq!(rig.runs(), 3);
}

#[test]
fn the_job_for_gitlab_builds_once_and_a_fork_only_reads() {
    let rig = Rig::new(Kind::S3);
    let jobs = blocks("gitlab.md");
    let lines = |job: &Value| -> String {
        job["script"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    };
    let (build, fork) = (lines(&jobs[0]["build"]), lines(&jobs[1]["build-fork"]));
    checkout(&rig);
    let token = [("CACHE_TOKEN", "token")];
    let _ = run(&rig, &fork, &token).exits(0);
    assert!(!rig.files.join("cache").exists(), "a fork writes nothing");
    fs::remove_file(rig.path("ran")).unwrap();
    for _ in 0..2 {
        let _ = fs::remove_dir_all(rig.path("dist"));
        let _ = run(&rig, &build, &token).exits(0);
        assert_eq!(rig.read("dist/app"), "built\n");
    }
    fs::remove_dir_all(rig.path("dist")).unwrap();
    let hit = run(&rig, &fork, &token).exits(0);
    assert!(hit.stderr.contains("cached: "), "{hit:?}");
    assert_eq!((rig.runs(), rig.read(".token").as_str()), (1, "token"));
}
