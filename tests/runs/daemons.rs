//! Daemons, as real processes: they run beside what follows, and are gone with what they belong to.

use std::time::Duration;

use crate::support::environment::Environment;
use crate::support::process::lives;

/// A daemon that is ready once its file is there, and notes its end in a volume.
fn workflow(ready: &str, mark: &str) -> String {
    format!(
        r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: w}}
spec:
  entrypoint: main
  volumeClaimTemplates:
  - {{metadata: {{name: work}}, spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}}}
  templates:
  - name: main
    steps:
    - - {{name: served, template: served}}
    - - {{name: after, template: after}}
  - name: served
    steps:
    - - {{name: server, template: server}}
    - - name: client
        template: client
        arguments: {{parameters: [{{name: ip, value: "{{{{steps.server.ip}}}}"}}]}}
  - name: server
    daemon: true
    container:
      image: busybox
      command: [sh, -c]
      args: ["trap 'echo ended >>/work/log; exit 0' TERM; sleep 0.3; touch /tmp/up; while :; do sleep 0.05; done", {mark}]
      volumeMounts: [{{name: work, mountPath: /work}}]
      readinessProbe: {{exec: {{command: [sh, -c, "{ready}"]}}, periodSeconds: 1}}
  - name: client
    inputs: {{parameters: [{{name: ip}}]}}
    container: &client
      image: busybox
      command: [sh, -c, "echo 'client {{{{inputs.parameters.ip}}}}' >>/work/log"]
      volumeMounts: [{{name: work, mountPath: /work}}]
  - name: after
    container:
      image: busybox
      command: [sh, -c, "for i in $(seq 100); do grep -q ended /work/log && cat /work/log && exit 0; sleep 0.1; done; exit 1"]
      volumeMounts: [{{name: work, mountPath: /work}}]
"#
    )
}

#[test]
fn a_daemon_runs_beside_what_asks_it_and_may_clean_up_at_its_end() {
    let home = Environment::new();
    let file = home.write("w.yaml", workflow("test -f /tmp/up", "daemon-one"));
    let object = home.run(["submit", "--local", &file, "-o", "json"]).json();
    let nodes = object["status"]["nodes"].as_object().unwrap();
    let node = |name: &str| nodes.values().find(|node| node["displayName"] == name).unwrap();
    assert_eq!(node("server")["phase"], "Succeeded");
    assert_eq!(node("server")["podIP"], "127.0.0.1");
    let id = node("after")["id"].as_str().unwrap();
    let log = std::fs::read_to_string(home.run_directory("w").join("nodes").join(id).join("main.log")).unwrap();
    assert_eq!(log, "client 127.0.0.1\nended\n");
}

#[test]
fn an_interrupt_ends_a_daemon_that_never_becomes_ready() {
    let home = Environment::new();
    let mark = format!("daemon-{}", std::process::id());
    let file = home.write("w.yaml", workflow("false", &mark));
    let mut running = home.start(["submit", "--local", &file]);
    running.until("the daemon runs", || lives(&mark));
    running.signal(rustix::process::Signal::INT);
    assert_eq!(running.end_within(Duration::from_mins(1)).code, Some(130));
    assert!(!lives(&mark));
}
