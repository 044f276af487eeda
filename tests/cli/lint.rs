//! `lint`, and the check before a workflow is created or run.

use std::fs;

use regex::Regex;
use serde_json::Value;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

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

/// The fields that SARIF requires, and no others than it has: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>.
#[test]
fn sarif_has_what_its_schema_requires() {
    let environment = Environment::new().file("a b.yaml", BROKEN);
    let log: Value = serde_json::from_str(&environment.run(["lint", "-o", "sarif", "a b.yaml"]).stdout).unwrap();
    let has_only = |object: &Value, required: &[&str], optional: &[&str]| {
        let keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(required.iter().all(|key| keys.contains(key)), "{required:?} of {object}");
        assert!(keys.iter().all(|key| required.contains(key) || optional.contains(key)), "{object}");
    };
    let message = |message: &Value| has_only(message, &["text"], &[]);
    has_only(&log, &["version", "runs"], &["$schema"]);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    has_only(run, &["tool"], &["results", "columnKind"]);
    has_only(&run["tool"], &["driver"], &[]);
    has_only(&run["tool"]["driver"], &["name"], &["version", "rules"]);
    for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
        has_only(rule, &["id"], &["fullDescription", "help"]);
        message(&rule["fullDescription"]);
        message(&rule["help"]);
        assert!(!rule["fullDescription"]["text"].as_str().unwrap().is_empty(), "{rule}");
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        has_only(result, &["message"], &["ruleId", "level", "locations"]);
        message(&result["message"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()), "{result}");
        let location = &result["locations"][0]["physicalLocation"];
        has_only(location, &["artifactLocation"], &["region"]);
        assert_eq!(location["artifactLocation"]["uri"], "a%20b.yaml");
        has_only(&location["region"], &[], &["startLine", "startColumn"]);
        assert!(
            location["region"]["startLine"].as_u64() >= Some(1)
                && location["region"]["startColumn"].as_u64() >= Some(1)
        );
    }
}

#[test]
fn the_problem_matcher_of_the_documentation_reads_a_line_each() {
    let documentation = include_str!("../../docs/lint.md");
    let matcher = documentation.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let matcher: Value = serde_json::from_str(matcher).unwrap();
    let pattern = &matcher["problemMatcher"][0]["pattern"][0];
    let expression = Regex::new(pattern["regexp"].as_str().unwrap()).unwrap();
    let output = environment().run(["lint", "-o", "simple", "wf.yaml"]);
    let group = |line: &str, name: &str| {
        let number = usize::try_from(pattern[name].as_u64().unwrap()).unwrap();
        expression.captures(line).unwrap()[number].to_owned()
    };
    for line in output.stdout.lines() {
        assert_eq!((group(line, "file"), group(line, "severity")), ("wf.yaml".to_owned(), "error".to_owned()));
        assert!(group(line, "line").parse::<u32>().is_ok() && group(line, "column").parse::<u32>().is_ok());
        assert!(!group(line, "code").contains(' ') && group(line, "message").starts_with("field `"), "{line}");
    }
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
    assert!(output.stderr.contains("`Service`") && output.stderr.contains("is ignored"), "{output}");
}

#[test]
fn findings_are_left_out_by_rule_and_by_pattern_of_their_message() {
    let lint = |ignored: &[&str]| {
        let ignored = ignored.iter().flat_map(|one| ["--ignore", one]);
        environment().run(["lint", "-o", "simple", "wf.yaml"].into_iter().chain(ignored))
    };
    let rules = |ignored: &[&str]| -> Vec<String> {
        let lines = lint(ignored).stdout;
        lines.lines().map(|line| line.split(['[', ']']).nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(rules(&["unknown-field"]), ["unknown-template", "variable"]);
    assert_eq!(rules(&["template `gr.t`", "who"]), ["unknown-field"]);
    assert_eq!(lint(&["unknown-field", "unknown-template", "variable"]).code, Some(0));
    lint(&["("]).fails(2, &["no rule and no regular expression"]);

    let environment = environment();
    let output = environment.run(["lint", "--fix", "--ignore", "unknown-field", "wf.yaml"]);
    assert!(!output.stderr.contains("put right"), "{output}");
    assert_eq!(fs::read_to_string(environment.path("wf.yaml")).unwrap(), BROKEN);
}

#[test]
fn a_url_is_read_as_a_file_is() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        let file = Mock::given(method("GET")).and(path("/wf.yaml"));
        file.respond_with(ResponseTemplate::new(200).set_body_string(BROKEN)).mount(&server).await;
        server
    });
    let (url, environment) = (format!("{}/wf.yaml?token=hidden", server.uri()), Environment::new());
    let output = environment.run(["lint", "-o", "simple", &url]);
    assert_eq!(output.code, Some(2), "{output}");
    assert!(output.stdout.starts_with(&format!("{}/wf.yaml?***:9:19: error", server.uri())), "{output}");
    environment.run(["lint", "--fix", &url]).fails(2, &["--fix needs files"]);
    environment.run(["lint", &format!("{}/gone.yaml", server.uri())]).fails(1, &["the server answered 404 Not Found"]);
    environment.run(["submit", "--dry-run=client", &url]).fails(2, &["comand"]);
    environment.run(["lint", "https://me:secret@localhost/a.yaml"]).fails(2, &["credentials in the URL"]);
}

#[test]
fn files_of_other_tools_are_passed_over() {
    for text in ["services: {web: {image: x}}\n", "a: {{ if }}\n  - b: [\n", ""] {
        let output = Environment::new().file("other.yaml", text).run(["lint", "-o", "simple", "other.yaml"]);
        assert!(output.code == Some(0) && output.stdout.contains("warning[syntax]"), "{output}");
    }
    let output = Environment::new().file("wf.yaml", "kind: Workflow\n").run(["lint", "wf.yaml"]);
    assert_eq!(output.code, Some(2), "{output}");
}

#[test]
fn flags_of_a_cluster_need_online() {
    let output = environment().run(["lint", "--context", "c", "wf.yaml"]);
    output.fails(2, &["flags of a cluster are for --online"]);
}

#[test]
fn what_cannot_be_read_is_told_and_the_other_files_are_linted() {
    let environment = environment().file("latin.yaml", b"apiVersion: argoproj.io/v1alpha1\nkind: \xe4\n");
    let output = environment.run(["lint", "-o", "simple"]);
    assert_eq!(output.code, Some(2), "{output}");
    assert!(
        output.stdout.contains("latin.yaml:1:1: error[syntax]: ") && output.stdout.contains("wf.yaml:9:19"),
        "{output}"
    );
    environment.run(["lint", "absent.yaml"]).fails(2, &["absent.yaml: No such file or directory"]);
}
