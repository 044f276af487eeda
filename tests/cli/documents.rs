//! Files: what is wrong with them is said with its place, and nothing is created.

use std::os::unix::net::UnixListener;

use insta::assert_snapshot;

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::workflows::{TEMPLATE, hello, one_task};

fn refused(text: impl AsRef<[u8]>) -> Output {
    let environment = Environment::with("wf.yaml", text);
    let output = environment.run(["submit", "--local", "wf.yaml"]);
    assert!(environment.runs().is_empty());
    assert_eq!(output.result(2), "");
    output
}

#[test]
fn a_missing_file() {
    assert_snapshot!(Environment::new().run(["submit", "wf.yaml"]));
}

#[test]
fn a_directory() {
    assert_snapshot!(Environment::new().run(["submit", "."]));
}

#[test]
fn a_file_that_cannot_be_read() {
    let environment = Environment::new();
    let _socket = UnixListener::bind(environment.path("wf.yaml")).unwrap();
    assert_snapshot!(environment.run(["submit", "wf.yaml"]));
}

#[test]
fn empty_standard_input() {
    assert_snapshot!(Environment::new().run(["submit", "-"]));
}

#[test]
fn an_empty_file() {
    assert_snapshot!(refused("# nothing\n---\n"));
}

#[test]
fn bad_utf8() {
    assert_snapshot!(refused(b"kind: \xff\n"));
}

#[test]
fn a_large_file() {
    assert_snapshot!(refused(vec![b' '; 50_000_000]));
}

#[test]
fn an_alias_bomb() {
    let bomb = (1..30).fold(format!("{}x:\n  a0: &a0 lol\n", hello()), |text, one| {
        format!("{text}  a{one}: &a{one} [{}]\n", vec![format!("*a{}", one - 1); 9].join(", "))
    });
    assert_snapshot!(refused(bomb));
}

#[test]
fn another_kind() {
    assert_snapshot!(refused("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n"));
}

#[test]
fn syntax_and_types_with_their_places() {
    assert_snapshot!("syntax", refused("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: [\n"));
    assert_snapshot!("type", refused(hello().replace("image: busybox", "image: [busybox]")));
    assert_snapshot!(
        "json",
        refused("{\"apiVersion\": \"argoproj.io/v1alpha1\", \"kind\": \"Workflow\", \"spec\": 1}")
    );
}

#[test]
fn an_illegal_name_in_a_file() {
    assert_snapshot!(refused(one_task("name: Hello_", "echo")));
}

#[test]
fn an_illegal_beginning_of_a_name_in_a_file() {
    assert_snapshot!(refused(one_task("generateName: Hello-", "echo")));
}

#[test]
fn a_workflow_without_a_name() {
    assert_snapshot!(refused(one_task("labels: {a: b}", "echo")));
}

#[test]
fn an_entrypoint_that_is_no_template() {
    assert_snapshot!(refused(format!("{}---\n{}", hello(), hello().replace("entrypoint: main", "entrypoint: mian"))));
}

#[test]
fn what_cannot_be_prepared_is_named_with_its_place() {
    let run_id =
        hello().replace("  templates:", "  arguments:\n    parameters: [{name: run_id, value: a b}]\n  templates:");
    assert_snapshot!(refused(format!("{}---\n{run_id}", hello())));
}

#[test]
fn two_workflows_of_one_name() {
    let workflow = one_task("name: twin", "echo");
    assert_snapshot!(refused(format!("{workflow}---\n{workflow}")));
}

#[test]
fn no_workflow_among_the_documents() {
    assert_snapshot!(refused(TEMPLATE));
    let output = Environment::with("wf.yaml", TEMPLATE).run(["submit", "wf.yaml"]);
    assert_eq!((output.code, output.stderr.lines().next()), (Some(2), Some("error: the files hold no Workflow")));
}

#[test]
fn a_cron_workflow_says_how_it_is_submitted() {
    let cron = "apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedules: ['@daily']
  workflowSpec: {entrypoint: main, templates: [{name: main, container: {image: busybox, command: [c]}}]}
";
    for more in [&["--namespace=ci"], &["--dry-run=client"]] {
        let output = Environment::with("wf.yaml", cron).run(["submit", "wf.yaml"].iter().chain(more));
        output.fails(2, &["the files hold no Workflow, but a CronWorkflow", "--from cronworkflow/nightly"]);
    }
}

#[test]
fn documents_are_read_however_people_write_them() {
    let json = r#"{"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "j-"},
        "spec": {"entrypoint": "a", "templates": [{"name": "a", "suspend": {}}]}}"#;
    let anchor = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: a-}
spec:
  entrypoint: main
  templates:
  - {name: main, container: &common {image: busybox, command: [echo]}}
  - name: other
    container: {<<: *common, args: [more]}
";
    let list = |kind: &str| format!(r#"{{"apiVersion": "v1", "kind": "{kind}", "items": [{json}, {json}]}}"#);
    for (text, count) in [
        (format!("\u{feff}{}", hello()), 1),
        (hello().replace("entrypoint: main", "entrypoint:\tmain\t# behind a tab"), 1),
        (format!("# first\n---\n# then\n---\n{}---\n---\n# last\n", hello()), 1),
        (format!("{}...\n", hello()), 1),
        (anchor.to_owned(), 1),
        (json.to_owned(), 1),
        (format!("{json}\n{json}"), 2),
        (list("List"), 2),
        (list("WorkflowList"), 2),
    ] {
        let environment = Environment::with("wf", &text);
        let output = environment.run(["submit", "wf", "--dry-run=client", "-q", "-o", "name"]);
        assert_eq!(output.result(0).lines().count(), count, "{text}\n{output}");
    }
    let tab = hello().replace("  entrypoint", "\tentrypoint");
    assert!(refused(tab).stderr.contains("a tab stands in the indentation"));
}

#[test]
fn all_that_is_wrong_in_all_documents_is_told_at_once() {
    let one = hello().replace("image: busybox", "imgae: busybox").replace("entrypoint: main", "entrypoint: mian");
    let two = hello().replace("echo", "{{inputs.parameters.x}}");
    let said = refused(format!("{one}---\n{two}")).stderr;
    for expected in ["spec.entrypoint", "container.imgae", "{{inputs.parameters.x}}"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn a_key_that_stands_twice_is_told_and_the_last_counts() {
    let text = hello().replace("  generateName: hello-\n", "  generateName: hallo-\n  generateName: hello-\n");
    let environment = Environment::with("wf.yaml", text);
    assert_snapshot!(environment.run(["submit", "wf.yaml", "--dry-run=client", "-o", "name"]));
    let quiet = environment.run(["submit", "wf.yaml", "--dry-run=client", "-o", "name", "-q"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

#[test]
fn windows_line_ends() {
    let environment = Environment::with("wf.yaml", hello().replace('\n', "\r\n"));
    let output = environment.run(["submit", "wf.yaml", "--local", "-q", "-o", "name"]);
    assert!(output.result(0).starts_with("workflow.argoproj.io/hello-"), "{output}");
}

#[test]
fn what_a_local_run_cannot_do_is_named_with_its_place() {
    let text = hello().replace(
        "  - name: main\n",
        "  - name: main\n    inputs:\n      artifacts:\n      - name: a\n        path: /a\n        s3: {bucket: b, key: k}\n",
    );
    assert_snapshot!("artifact", refused(text));
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: r}\nspec:\n  entrypoint: main\n  \
                templates:\n  - name: main\n    resource: {action: get, manifest: a}\n";
    assert_snapshot!("resource", refused(text));
}

#[test]
fn documents_of_several_files_and_standard_input() {
    let environment = Environment::with("one.yaml", format!("{}---\n{}", hello(), hello()));
    let json = r#"{"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "json"},
        "spec": {"entrypoint": "a", "templates": [{"name": "a", "suspend": {}}]}}"#;
    let output = environment.run_with_input(["submit", "one.yaml", "-", "--dry-run=client", "-o", "name", "-q"], json);
    assert_snapshot!(output);
}
