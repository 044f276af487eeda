//! Kinds, names and the types of fields.

use super::*;

fn shape_errors(body: &str) -> Vec<String> {
    match parse(&source(format!("{HEAD}{body}"))) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn other_kinds_and_versions_are_refused_by_name() {
    for (text, expected) in [
        (
            "kind: Pod\napiVersion: v1",
            "wf.yaml:1:1: field `kind`: expected Workflow, WorkflowTemplate, ClusterWorkflowTemplate, CronWorkflow, ConfigMap or Secret, found `Pod`",
        ),
        ("apiVersion: v1", "wf.yaml:1:1: no `kind`, expected Workflow, "),
        ("kind: Workflow", "wf.yaml:1:1: no `apiVersion`, expected `argoproj.io/v1alpha1`"),
        (
            "kind: Workflow\napiVersion: v1",
            "wf.yaml:2:1: field `apiVersion`: expected `argoproj.io/v1alpha1` for a Workflow, found `v1`",
        ),
        ("kind: ConfigMap\napiVersion: 1", "wf.yaml:2:1: field `apiVersion`: expected a string, found an integer"),
        ("- a", "wf.yaml:1:1: expected an object, found a list"),
        ("just text", "wf.yaml:1:1: expected an object, found a string"),
    ] {
        let error = refusal(text).to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn every_wrong_type_is_told_with_its_place_and_what_was_expected() {
    let errors = shape_errors(
        "metadata:\n  labels: {a: 1}\nspec:\n  parallelism: \"5\"\n  entrypoint: [main]\n  arguments:\n    parameters:\n    - {name: a, value: [1]}\n    - {name: b, value: 1.5, enum: [1, true, x]}\n  templates:\n  - name: a\n    container: alpine\n  - null\n  - name: b\n    steps:\n    - name: x\n    - - {name: z, when: true}\n  - script: {env: [{name: X, value: yes}]}\n",
    );
    assert_eq!(
        errors,
        [
            "wf.yaml:4:12: field `metadata.labels.a`: expected a string, found an integer (put it in quotes)",
            "wf.yaml:6:3: field `spec.parallelism`: expected an integer, found a string (write it without quotes)",
            "wf.yaml:7:3: field `spec.entrypoint`: expected a string, found a list",
            "wf.yaml:10:17: field `spec.arguments.parameters[0].value`: expected a string, a number or a boolean, found a list (write it as JSON text in quotes)",
            "wf.yaml:14:5: field `spec.templates[0].container`: expected an object, found a string",
            "wf.yaml:15:5: field `spec.templates[1]`: expected an object, found null",
            "wf.yaml:18:7: field `spec.templates[2].steps[0]`: expected a list of steps, found an object (begin a group of steps with `- -`)",
            "wf.yaml:19:19: field `spec.templates[2].steps[1][0].when`: expected a string, found a boolean (put it in quotes)",
            "wf.yaml:20:30: field `spec.templates[3].script.env[0].value`: expected a string, found a boolean (put it in quotes)",
        ]
    );
}

#[test]
fn what_argo_accepts_in_several_types_is_accepted() {
    let body = "metadata: {labels: null, annotations: {a.b/c: ''}}\nspec:\n  activeDeadlineSeconds: 5\n  parallelism: 5.0\n  arguments: {parameters: [{name: a, value: 1, default: true}, {name: b, value: null}]}\n  templates:\n  - activeDeadlineSeconds: '{{inputs.parameters.t}}'\n    retryStrategy: {limit: 3, backoff: {factor: '2', duration: 1m}}\n    container: {resources: {limits: {cpu: 2, memory: 1Gi}}, args: [a, null]}\n  - retryStrategy: {limit: '3'}\n    suspend: {}\n  - steps: [[{name: a, inline: {container: {image: x}}, withItems: [1, {a: b}, [c]], withSequence: {count: 5}}]]\n    memoize: {key: k}\n  - dag: {tasks: [{name: a, depends: b, withSequence: {count: '{{x}}'}}]}\n";
    assert_eq!(shape_errors(body), Vec::<String>::new());
}

#[test]
fn illegal_names_are_refused() {
    let long = "x".repeat(64);
    for (body, field) in [
        ("{name: A}", "metadata.name"),
        ("{name: a_b}", "metadata.name"),
        (&*format!("{{name: {long}}}"), "metadata.name"),
        ("{generateName: My-}", "metadata.generateName"),
        ("{namespace: a.b}", "metadata.namespace"),
    ] {
        let errors = shape_errors(&format!("metadata: {body}\n"));
        assert!(errors.len() == 1 && errors[0].contains(&format!("field `{field}`: ")), "{body}: {errors:?}");
    }
    assert!(shape_errors("metadata: {generateName: my-, name: ''}\n").is_empty());
    let cron =
        format!("apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata: {{name: {}}}\n", "x".repeat(53));
    assert!(refusal(cron).to_string().contains("the name has 53 characters, at most 52 are allowed"));
}

#[test]
fn every_kind_is_checked() {
    for (text, field) in [
        ("apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nspec: {templates: {}}", "spec.templates"),
        ("apiVersion: argoproj.io/v1alpha1\nkind: ClusterWorkflowTemplate\nspec: []", "spec"),
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nspec: {workflowSpec: {templates: [{dag: []}]}}",
            "spec.workflowSpec.templates[0].dag",
        ),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {a.b: 1}", "data[\"a.b\"]"),
        ("apiVersion: v1\nkind: Secret\nstringData: {a: 1}", "stringData.a"),
    ] {
        let error = refusal(text);
        assert_eq!(error.problems()[0].field, field);
    }
}

#[test]
fn a_misspelt_field_is_a_warning_and_a_foreign_one_is_not() {
    let parsed = read(&format!(
        "{HEAD}spec:\n  templtes: []\n  entryPoint: a\n  quite: new\n  hooks: {{exit: {{templat: x}}}}\n"
    ));
    let warnings: Vec<_> = parsed.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "wf.yaml:4:3: field `spec.templtes`: unknown field (did you mean `templates`?)",
            "wf.yaml:5:3: field `spec.entryPoint`: unknown field (did you mean `entrypoint`?)",
            "wf.yaml:7:18: field `spec.hooks.exit.templat`: unknown field (did you mean `template`?)",
        ]
    );
    assert!(read("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {nam: x}\n").warnings.is_empty());
}
