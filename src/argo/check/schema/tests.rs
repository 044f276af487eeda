//! Types, unknown fields, versions, bounds and names, with their places.

mod definitions;

use crate::argo::check::{Options, Rule, Version, check_fields};
use crate::argo::document::{Document, Severity, Source, parse};

const HEAD: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n";

fn document(text: &str) -> Document {
    let source = Source { name: "wf.yaml".to_owned(), text: text.as_bytes().to_vec() };
    parse(&source).map(|parsed| parsed.documents.into_iter().next()).ok().flatten().expect("a document")
}

/// What is found in a text, as `severity place: field: message (hint)`.
fn found(text: &str, options: &Options) -> Vec<(Severity, Rule, String)> {
    let document = document(text);
    let findings = check_fields(&document.value, document.kind, options).into_iter();
    findings
        .map(|finding| {
            let problem = document.problem(&finding.pointer, finding.message);
            let problem = match finding.hint {
                Some(hint) => problem.with_hint(hint),
                None => problem,
            };
            (finding.severity, finding.rule, problem.to_string())
        })
        .collect()
}

fn errors(text: &str) -> Vec<String> {
    let found = found(text, &Options { completes: true, ..Options::default() }).into_iter();
    // Most of these texts have no spec.
    let found =
        found.filter(|(severity, _, text)| *severity == Severity::Error && !text.ends_with("`spec` is required"));
    found.map(|(_, _, text)| text).collect()
}

fn shape_errors(body: &str) -> Vec<String> {
    errors(&format!("{HEAD}{body}"))
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
    assert!(errors(&cron).iter().any(|error| error.contains("the name has 53 characters, at most 52 are allowed")));
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
        let errors = errors(text);
        assert!(
            errors.iter().any(|error| error.contains(&format!("field `{field}`: expected "))),
            "{text}: {errors:?}"
        );
    }
}

#[test]
fn an_unknown_field_is_refused_with_the_nearest_name_unless_fields_are_sent_on() {
    let text = format!(
        "{HEAD}spec:\n  templtes: []\n  entryPoint: a\n  quite: new\n  gone: null\n  hooks: {{exit: {{templat: x}}}}\n"
    );
    assert_eq!(
        errors(&text),
        [
            "wf.yaml:4:3: field `spec.templtes`: unknown field (did you mean `templates`?)",
            "wf.yaml:5:3: field `spec.entryPoint`: unknown field (did you mean `entrypoint`?)",
            "wf.yaml:6:3: field `spec.quite`: unknown field",
            "wf.yaml:8:18: field `spec.hooks.exit.templat`: unknown field (did you mean `template`?)",
        ]
    );
    let sent_on = found(&text, &Options { strict: false, completes: true, ..Options::default() });
    assert_eq!(sent_on.len(), 3);
    assert!(sent_on.iter().all(|(severity, ..)| *severity == Severity::Warning));
    assert!(errors("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {nam: x}\n").is_empty());
}

#[test]
fn fields_of_pods_are_known() {
    let errors = shape_errors(
        "spec:\n  volumes: [{name: a, configMap: {nam: x}}]\n  templates:\n  - container: {image: x, comand: [a], livenessProbe: {httpGet: {path: /}}, env: [{value: a}], resources: {limits: {memory: 1GB}}}\n",
    );
    assert_eq!(
        errors,
        [
            "wf.yaml:4:35: field `spec.volumes[0].configMap.nam`: unknown field",
            "wf.yaml:6:27: field `spec.templates[0].container.comand`: unknown field (did you mean `command`?)",
            "wf.yaml:6:56: field `spec.templates[0].container.livenessProbe.httpGet`: `port` is required",
            "wf.yaml:6:83: field `spec.templates[0].container.env[0]`: `name` is required",
            "wf.yaml:6:117: field `spec.templates[0].container.resources.limits.memory`: expected a quantity such as 500m or 1Gi, found `1GB`",
        ]
    );
}

#[test]
fn words_and_ranges_are_those_of_the_definitions_which_came_with_argo_4() {
    let text = format!(
        "{HEAD}spec:\n  parallelism: 0\n  templates:\n  - retryStrategy: {{retryPolicy: OnFailures}}\n    steps: []\n  - {{memoize: {{key: a}}, resource: {{action: '{{{{inputs.parameters.a}}}}'}}}}\n"
    );
    let of = |version: Option<Version>| {
        let found = found(&text, &Options { version, ..Options::default() }).into_iter();
        found.map(|(severity, rule, _)| (rule.id(), severity)).collect::<Vec<_>>()
    };
    let (error, warning) = (Severity::Error, Severity::Warning);
    let of_definitions = |severity, tags: &[(&'static str, Severity)]| {
        let before =
            [("limit", severity), ("enum", error), ("limit", severity), ("required", severity), ("required", severity)];
        [&before[..], tags, &[("required", severity)]].concat()
    };
    assert_eq!(of(None), of_definitions(error, &[("enum", error)]), "no tag stands for a word");
    assert_eq!(of(Some(Version::V3_7)), of_definitions(warning, &[]));
}

#[test]
fn a_field_of_another_version_is_refused_where_the_version_is_known() {
    let text = format!(
        "{HEAD}metadata: {{}}\nspec: {{synchronization: {{mutex: {{name: a}}}}, templates: [{{timeout: 1s, podResources: {{}}}}]}}\n"
    );
    let of = |version: Option<Version>| found(&text, &Options { version, ..Options::default() });
    let unknown = of(None);
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].0, Severity::Warning);
    assert!(unknown[0].2.ends_with("Argo 3.7 was the last to have this field, 4.1 has not (write `mutexes: [{…}]`)"));
    assert_eq!(of(Some(Version::V4_1))[0].0, Severity::Error);
    let old = of(Some(Version::V3_6));
    assert!(old.len() == 1 && old[0].2.contains("Argo has this field since 4.1, not in 3.6"), "{old:?}");
}

#[test]
fn items_of_a_list_differ_in_their_key() {
    let of = |container: &str| {
        let text = format!("spec: {{templates: [{{name: a, container: {{image: x, {container}}}}}]}}\n");
        let found = found(&format!("{HEAD}{text}"), &Options::default()).into_iter();
        found.filter(|(_, rule, _)| *rule == Rule::Limit).map(|(_, _, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(
        of(
            "env: [{name: A, value: a}, {name: B, value: a}], ports: [{containerPort: 1}, {containerPort: 1, protocol: UDP}]"
        ),
        Vec::<String>::new()
    );
    for (twice, place) in [
        ("env: [{name: A, value: a}, {name: A, value: b}]", "env[1].name`: `A` stands twice"),
        ("ports: [{containerPort: 1}, {containerPort: 1, protocol: TCP}]", "ports[1].containerPort`: `1` stands twice"),
        (
            "volumeMounts: [{name: a, mountPath: /a}, {name: b, mountPath: /a}]",
            "volumeMounts[1].mountPath`: `/a` stands twice",
        ),
    ] {
        let found = of(twice);
        assert!(found.len() == 1 && found[0].contains(place), "{found:?}");
    }
}
