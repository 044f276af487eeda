//! The documents that the tests submit.

/// A workflow of one task that runs a script; `name` stands for the metadata's field.
pub(crate) fn one_task(name: &str, script: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  {name}
spec:
  entrypoint: main
  templates:
  - name: main
    container:
      image: busybox
      command: [sh, -c]
      args: ['{script}']
"
    )
}

pub(crate) fn hello() -> String {
    one_task("generateName: hello-", "echo hello")
}

/// Two parameters, one of them without a value.
pub(crate) const PARAMETERS: &str = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: params
spec:
  entrypoint: main
  arguments:
    parameters:
    - name: date
    - name: urls
      value: none
  templates:
  - name: main
    container:
      image: busybox
      command: [printf, '%s %s', '{{workflow.parameters.date}}', '{{workflow.parameters.urls}}']
";

pub(crate) const TEMPLATE: &str = "apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: template
spec:
  entrypoint: main
  templates:
  - name: main
    container:
      image: busybox
      command: [echo, hello]
";
