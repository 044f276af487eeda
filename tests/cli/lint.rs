//! `lint`, and the check before a workflow is created or run.

use std::fs;

use serde_json::Value;

use crate::support::environment::Environment;

const BROKEN: &str = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: a-}
spec:
  entrypoint: main # the first
  templates:
  - name: main
    steps:
    - - {name: a, template: gret, arguments: {parameters: [{name: who, value: you}]}}
  - name: greet
    inputs: {parameters: [{name: whom}]}
    container: {image: busybox, comand: [echo, \"{{inputs.parameters.who}}\"]}
";

fn environment() -> Environment {
    Environment::new().file("wf.yaml", BROKEN)
}

#[test]
fn a_line_each() {
    let output = environment().run(["lint", "--output", "simple", "wf.yaml"]);
    assert_eq!(output.code, Some(2), "{output}");
    assert_eq!(
        output.stdout,
        "wf.yaml:9:19: error[unknown-template]: field `spec.templates[0].steps[0][0].template`: template `gret` does not exist (did you mean `greet`?)
wf.yaml:12:33: error[unknown-field]: field `spec.templates[1].container.comand`: unknown field (did you mean `command`?)
wf.yaml:12:48: error[variable]: field `spec.templates[1].container.comand[1]`: `{{inputs.parameters.who}}` cannot be resolved: the template declares no such input parameter (did you mean `{{inputs.parameters.whom}}`?)
"
    );
    assert_eq!(output.stderr, "");
}

#[test]
fn forms_for_programs() {
    let environment = environment();
    let json: Value = serde_json::from_str(&environment.run(["lint", "-o", "json", "wf.yaml"]).stdout).unwrap();
    assert_eq!(
        (&json[1]["rule"], &json[1]["line"], &json[1]["column"]),
        (&"unknown-field".into(), &12.into(), &33.into())
    );
    let sarif: Value = serde_json::from_str(&environment.run(["lint", "-o", "sarif", "wf.yaml"]).stdout).unwrap();
    let run = &sarif["runs"][0];
    let known = |id: &Value| run["tool"]["driver"]["rules"].as_array().unwrap().iter().any(|rule| &rule["id"] == id);
    assert!(run["results"].as_array().unwrap().iter().all(|result| known(&result["ruleId"])));
    assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 9);
    let github = environment.run(["lint", "-o", "github", "wf.yaml"]).stdout;
    assert!(github.starts_with("::error file=wf.yaml,line=9,col=19,title=unknown-template::field"), "{github}");
}

#[test]
fn the_lines_with_a_caret_and_a_summary() {
    let output = environment().run(["lint"]);
    assert!(
        output.stdout.contains(" --> wf.yaml:12:33\n") && output.stdout.contains("error[unknown-field]"),
        "{output}"
    );
    assert_eq!(output.stderr, "1 file, 3 errors\n");
}

#[test]
fn what_is_mechanical_is_put_right_and_comments_stay() {
    let environment = environment();
    let output = environment.run(["lint", "--fix", "wf.yaml"]);
    assert!(output.stderr.starts_with("wf.yaml: 1 put right\n"), "{output}");
    let fixed = fs::read_to_string(environment.path("wf.yaml")).unwrap();
    assert_eq!(fixed, BROKEN.replace("comand", "command"));
}

#[test]
fn templates_of_other_files_are_known_and_files_of_others_are_passed_over() {
    let head = "apiVersion: argoproj.io/v1alpha1\n";
    let environment = Environment::new()
        .file("a.yaml", format!("{head}kind: Workflow\nmetadata: {{name: a}}\nspec:\n  entrypoint: main\n  templates:\n  - name: main\n    steps: [[{{name: a, templateRef: {{name: shared, template: t}}}}]]\n"))
        .file("b.yaml", format!("{head}kind: WorkflowTemplate\nmetadata: {{name: shared}}\nspec: {{templates: [{{name: t, container: {{image: x}}}}]}}\n"))
        .file("c.yaml", "kind: Service\napiVersion: v1\n");
    let all = environment.run(["lint"]);
    assert_eq!((all.code, all.stdout.as_str()), (Some(0), ""), "{all}");
    assert_eq!(all.stderr, "2 files, nothing wrong\n");
    let alone = environment.run(["lint", "-o", "simple", "a.yaml"]);
    assert!(alone.code == Some(0) && alone.stdout.contains("warning[template-ref]"), "{alone}");
    assert_eq!(environment.run(["lint", "--strict", "a.yaml"]).code, Some(2));
}

#[test]
fn a_rule_is_explained_and_an_unknown_one_is_not() {
    let output = Environment::new().run(["lint", "--explain", "depends"]);
    assert!(output.code == Some(0) && output.stdout.starts_with("### depends\n\nA task waits"), "{output}");
    assert_eq!(Environment::new().run(["lint", "--explain", "nothing"]).code, Some(2));
}

#[test]
fn a_broken_document_is_neither_run_nor_printed_unless_the_check_is_left_out() {
    let environment = environment();
    for mode in ["--local", "--dry-run=client"] {
        let output = environment.run(["submit", mode, "wf.yaml"]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{output}");
        assert!(
            output.stderr.contains("comand") && output.stderr.contains("gret") && output.stderr.contains("who"),
            "{output}"
        );
    }
    let output = environment.run(["submit", "--dry-run=client", "--no-check", "-o", "name", "wf.yaml"]);
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn a_foreign_object_beside_the_workflow_is_passed_over() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n---\napiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: Not-Legal}\nspec: {entrypoint: main, templates: [{name: main, container: {image: x}}]}\n";
    let environment = Environment::new().file("wf.yaml", text);
    let output = environment.run(["submit", "--dry-run=client", "-o", "name", "--name", "legal", "wf.yaml"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "workflow.argoproj.io/legal\n"), "{output}");
    assert!(output.stderr.contains("`Service`") && output.stderr.contains("passed over"), "{output}");
}
