//! Secrets in what is said of a local run.

use serde_json::json;

use crate::support::environment::Environment;

/// A run that fails and has written all its secrets.
const WORKFLOW: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: hunter22}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  arguments: {parameters: [{name: api-token, value: t0ken-1}]}
  templates:
  - name: main
    container:
      image: alpine
      command: [sh, -c]
      args: ['echo "password $PASSWORD, token {{workflow.parameters.api-token}}"; exit 3']
      env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]
"#;

#[test]
fn secrets_are_masked_for_people_and_exact_for_programs() {
    let home = Environment::new();
    std::fs::write(home.path("w.yaml"), WORKFLOW).unwrap();
    let output = home.run(["submit", "--local", "w.yaml", "--report", "junit=j.xml"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.stderr.contains("password ***, token ***"), "{output:?}");
    let report = std::fs::read_to_string(home.path("j.xml")).unwrap();
    for (what, text) in [("talk", &output.stderr), ("tree", &output.stdout), ("report", &report)] {
        assert!(!text.contains("hunter22") && !text.contains("t0ken-1"), "{what}: {text}");
    }
    assert_eq!(home.run(["logs", "--local", "w"]).stdout, "password hunter22, token ***\n");
    let exact: serde_json::Value =
        serde_json::from_str(&home.run(["status", "--local", "w", "-o", "json"]).stdout).unwrap();
    assert_eq!(exact["spec"]["arguments"]["parameters"][0], json!({"name": "api-token", "value": "t0ken-1"}));
}
