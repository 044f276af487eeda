//! The operator's guide, command by command as it is written. Left out: what makes the namespace and the image, which the
//! test has, and Argo Events, which tests/apiserver holds against its objects.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::image::image;
use crate::namespace::with_namespace;
use crate::support::PROGRAM;
use crate::support::files;
use crate::support::git_server::GitServer;
use crate::support::repository::Repository;

const GUIDE: &str = include_str!("../../docs/operators.md");
/// What the guide promises.
const TIME: Duration = Duration::from_mins(30);
const WORKFLOW: &str = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: ci-}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: IMAGE, command: [git, status]}
";
const CLAIM: &str = "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: trees}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";

/// The commands of the guide's blocks, lines that go on joined.
fn commands() -> Vec<String> {
    let blocks = GUIDE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let joined = blocks.map(|block| block.replace("\\\n", " ")).collect::<String>();
    joined.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn is_left_out(command: &str) -> bool {
    let begins = ["kubectl create namespace", "export ", "docker "];
    begins.iter().any(|begin| command.starts_with(begin)) || command.contains("sensor") || command.contains("webhook")
}

#[test]
fn the_guide_runs_as_it_is_written() {
    with_namespace(|namespace| {
        let begun = Instant::now();
        let repository = Repository::new();
        let forge = repository.path("forge/exampleorg");
        std::fs::create_dir_all(&forge).unwrap();
        let source = repository.source();
        repository.git(&forge, &["clone", "-q", "--bare", source.to_str().unwrap(), "sample.git"]);
        let server = GitServer::start(&repository.path("forge"), None);

        let directory = namespace.directory.path();
        let plugins = directory.join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        std::os::unix::fs::symlink(PROGRAM, plugins.join("kubectl-runnable")).unwrap();
        files::write(&directory.join("token"), "none");
        files::write(&directory.join("ci.yaml"), WORKFLOW.replace("IMAGE", image()));
        files::write(&directory.join("claim.yaml"), CLAIM);

        let ran = commands().into_iter().filter(|command| !is_left_out(command));
        let mut count = 0;
        for command in ran {
            let mut command = command.replace("-n ci", &format!("-n {}", namespace.name));
            if command.contains("rbac coderun --image") {
                command = format!("{command} --set server={}", server.origin);
            }
            run(
                &command,
                directory,
                &plugins,
                &[
                    ("KUBECONFIG", namespace.kubeconfig.to_str().unwrap()),
                    ("ARGO_NAMESPACE", &namespace.name),
                    ("IMAGE", image()),
                    ("GITHUB_SERVER_URL", &server.origin),
                ],
            );
            count += 1;
        }
        assert!(count >= 10, "{count} commands");
        assert!(begun.elapsed() < TIME, "{:?}", begun.elapsed());
    });
}

fn run(command: &str, directory: &Path, plugins: &Path, variables: &[(&str, &str)]) {
    let path = format!("{}:{}", plugins.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-ec", command])
        .current_dir(directory)
        .env("PATH", path)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
}
