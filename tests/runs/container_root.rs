//! A local run as root of an ordinary container sees the machine: no right to administer a namespace, and no namespaces of its
//! own. Many CI jobs run so.

use crate::support::PROGRAM;
use crate::support::environment::Environment;

const DOCUMENT: &str = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: good, template: good}
    - - {name: bad, template: bad}
  - name: good
    container: {image: busybox, command: [sh, -c, 'echo ran']}
  - name: bad
    container: {image: busybox, command: [sh, -c, 'echo ran; exit 3']}
";

/// Changes the root to another mount of itself, below which no user namespace can be made, and drops the right.
const CONTAINER: &str =
    r#"mount --rbind / "$0" && exec chroot "$0" setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$@""#;

#[test]
fn root_of_a_container_runs_tasks() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let environment = Environment::with("wf.yaml", DOCUMENT);
    // In a container it is so without further ado, and the other tests have seen it.
    if !environment.other("unshare").args(["--mount", "true"]).status().unwrap().success() {
        return;
    }
    let root = environment.path("root");
    std::fs::create_dir(&root).unwrap();
    let inside = |arguments: &[&str]| {
        let mut command = environment.other("unshare");
        command.args(["--mount", "sh", "-c", CONTAINER]).arg(&root).arg(PROGRAM).args(arguments);
        environment.finish(&mut command)
    };
    let document = environment.path("wf.yaml");
    let failed = inside(&["submit", "--local", document.to_str().unwrap()]).exits(3);
    let failed = failed.says("none can have a view of its own");
    assert!(failed.stderr.contains("✖ bad Failed, exit code 3"), "{failed:?}");
    assert_eq!(inside(&["logs", "w", "good", "--local"]).result(0), "ran\n");
    assert_eq!(inside(&["shell", "w", "--local", "--", "sh", "-c", "exit 4"]).code, Some(4));
    assert_eq!(inside(&["retry", "w", "--local", "--yes", "--plan"]).code, Some(0));
}
