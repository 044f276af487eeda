//! Rules over whole documents.

mod paths;

use serde_json::Value;

use super::{Finding, Options, Rule, check, config_maps};
use crate::argo::document::{Document, Severity, Source, parse};

/// What is found in the Workflow of a text, which may hold the templates that it calls.
pub(super) fn found(text: &str, options: &Options) -> Vec<Finding> {
    let source = Source { name: "wf.yaml".to_owned(), text: text.as_bytes().to_vec() };
    let documents = parse(&source).expect("the text can be read").documents;
    let known = |name: &str, cluster_scope: bool| -> Option<&Value> {
        let kind = if cluster_scope { "ClusterWorkflowTemplate" } else { "WorkflowTemplate" };
        let of = |document: &&Document| document.kind.as_str() == kind && document.name() == Some(name);
        documents.iter().find(of).map(|document| &document.value)
    };
    let document = documents.last().expect("there is a document");
    check(&document.value, document.kind, &known, options)
}

fn rules(text: &str) -> Vec<(&'static str, Severity)> {
    found(text, &Options::default()).iter().map(|finding| (finding.rule.id(), finding.severity)).collect()
}

/// A workflow of these templates, which begins with `main`.
fn workflow(templates: &str) -> String {
    let indented = templates.lines().fold(String::new(), |text, line| text + "  " + line + "\n");
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{name: a}}\nspec:\n  entrypoint: main\n  templates:\n{indented}"
    )
}

/// What is found in an example of the documentation, by rule. `config_map` is the one that the cluster has.
fn found_in_example(example: &str, config_map: Option<&Value>) -> Vec<(Rule, Severity)> {
    let kind = if example.starts_with("kind:") { "" } else { "kind: Workflow\n" };
    let text = format!("apiVersion: argoproj.io/v1alpha1\n{kind}metadata: {{name: a}}\n{example}");
    let parsed = parse(&Source { name: "wf.yaml".to_owned(), text: text.into_bytes() }).expect("it can be read");
    let document = &parsed.documents[0];
    let config_maps = config_maps(&document.value, document.kind);
    let mut found = check(&document.value, document.kind, &|_, _| None, &Options::default());
    found.extend(config_maps.iter().filter_map(|one| one.finding(config_map)));
    let syntax = parsed.warnings.iter().map(|_| (Rule::Syntax, Severity::Warning));
    found.iter().map(|finding| (finding.rule, finding.severity)).chain(syntax).collect()
}

#[test]
fn every_rule_finds_its_example_and_nothing_in_the_one_that_is_put_right() {
    for rule in Rule::ALL {
        let [broken, right] = rule.examples();
        let found = found_in_example(broken, None);
        let of_rule: Vec<_> = found.iter().filter(|(of, _)| *of == rule).collect();
        assert!(!of_rule.is_empty(), "the example of {} breaks {found:?}", rule.id());
        let is_warning = rule.summary().starts_with("Warning") || matches!(rule, Rule::Version | Rule::Syntax);
        assert!(of_rule.iter().any(|one| (one.1 == Severity::Warning) == is_warning), "{}: {found:?}", rule.id());
        let others: Vec<_> = found.iter().filter(|one| one.0 != rule && one.1 == Severity::Error).collect();
        assert!(others.is_empty(), "the example of {} breaks more: {others:?}", rule.id());

        let found = if rule == Rule::ConfigMap {
            let source = Source { name: "cm.yaml".to_owned(), text: right.as_bytes().to_vec() };
            let config_map = parse(&source).expect("it can be read").documents.remove(0).value;
            found_in_example(broken, Some(&config_map))
        } else {
            found_in_example(right, None)
        };
        assert_eq!(found, [], "{} put right", rule.id());
    }
}

#[test]
fn nothing_is_documented_that_is_no_rule() {
    let headings = include_str!("../../../docs/lint.md").lines().filter_map(|line| line.strip_prefix("### "));
    assert_eq!(headings.filter_map(Rule::of_id).count(), Rule::ALL.len());
    let mut ids = Rule::ids();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Rule::ALL.len());
}

#[test]
fn a_workflow_that_argo_takes_has_nothing_to_be_found() {
    let text = workflow(
        r#"- name: main
  inputs: {parameters: [{name: count, value: "3"}]}
  steps:
  - - {name: make, template: make, arguments: {parameters: [{name: count, value: "{{inputs.parameters.count}}"}]}}
  - - {name: each, template: take, withParam: "{{steps.make.outputs.result}}", arguments: {parameters: [{name: m, value: "{{item.any}}"}]}}
    - {name: fixed, template: take, withItems: [{a: 1}, {a: 2}], arguments: {parameters: [{name: m, value: "{{item.a}}"}]}}
  outputs: {parameters: [{name: all, valueFrom: {parameter: "{{steps.each.outputs.parameters}}"}}]}
- name: make
  retryStrategy: {limit: 2}
  inputs: {parameters: [{name: count}]}
  script: {image: x, command: [sh], source: "echo [{{inputs.parameters.count}}] {{retries}} {{pod.name}} {{workflow.name}}"}
- name: take
  inputs: {parameters: [{name: m}]}
  container: {image: x, args: ["{{inputs.parameters.m}}", "{{outputs.parameters.o.path}}"]}
  outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}"#,
    );
    assert_eq!(found(&text, &Options::default()), []);
}

#[test]
fn a_finding_names_the_field_and_the_nearest_name() {
    let text = workflow(
        "- name: main\n  inputs: {parameters: [{name: colour, value: red}]}\n  container: {image: x, args: [a, \"{{inputs.parameters.color}}\"]}\n",
    );
    let found = found(&text, &Options::default());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].pointer, "/spec/templates/0/container/args/1");
    assert_eq!(found[0].hint.as_deref(), Some("did you mean `{{inputs.parameters.colour}}`?"));
}

#[test]
fn all_that_is_wrong_is_found_at_once() {
    let text = workflow(
        "- name: main\n  dag:\n    tasks:\n    - {name: a, template: gone}\n    - {name: b, template: ok, depends: c}\n    - {name: b, template: ok}\n- name: ok\n  container: {args: [\"{{inputs.parameters.x}}\"], volumeMounts: [{name: v, mountPath: /v}]}\n",
    );
    let rules: Vec<&str> = rules(&text).into_iter().map(|(rule, _)| rule).collect();
    for rule in ["unknown-template", "depends", "name", "image", "variable", "volume"] {
        assert!(rules.contains(&rule), "{rule}: {rules:?}");
    }
}

#[test]
fn the_templates_that_a_workflow_calls_are_checked_with_it() {
    let template = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: shared}\nspec:\n  templates:\n  - name: t\n    inputs: {parameters: [{name: need}]}\n    container: {image: x, args: [\"{{workflow.parameters.gone}}\"]}\n---\n";
    let call = workflow("- name: main\n  steps:\n  - - {name: a, templateRef: {name: shared, template: t}}\n");
    let found = found(&format!("{template}{call}"), &Options::default());
    let of = |rule: Rule| found.iter().find(|finding| finding.rule == rule).expect("it is found");
    assert_eq!(of(Rule::Variable).holder, super::Holder::Template("shared".to_owned()));
    assert_eq!(of(Rule::Argument).pointer, "/spec/templates/0/steps/0/0/arguments");
    // Alone, the template may get more parameters from its workflows.
    assert_eq!(rules(template.trim_end_matches("---\n")), []);
}

#[test]
fn a_task_is_stranded_where_all_that_it_depends_on_may_be_hit_and_only_on_a_cluster() {
    let of = |depends: &str, options: &Options| {
        let text = workflow(&format!(
            "- name: main
  dag:
    tasks:
    - {{name: a, template: load}}
    - {{name: b, template: plain}}
    - {{name: c, template: plain, depends: {depends}}}
- name: load
  retryStrategy: {{limit: 2}}
  memoize: {{key: load, maxAge: '', cache: {{configMap: {{name: c}}}}}}
  container: {{image: a, command: [c]}}
- name: plain
  retryStrategy: {{limit: 2}}
  container: {{image: a, command: [c]}}"
        ));
        let found = found(&text, options);
        found.iter().map(|finding| (finding.rule, finding.pointer.clone())).collect::<Vec<_>>()
    };
    let cluster = Options::default();
    let at = "/spec/templates/0/dag/tasks/2/depends".to_owned();
    assert_eq!(of("a.Failed || a", &cluster), [(Rule::Stranded, at)]);
    assert_eq!(of("a && b", &cluster), []);
    assert_eq!(of("a", &Options { local: true, ..cluster }), []);
}

#[test]
fn what_argo_does_not_look_at_is_a_warning() {
    let inline = "inline: {container: {image: x, args: [\"{{pod.nam}}\"]}}";
    let text = workflow(&format!("- name: main\n  steps:\n  - - {{name: a, {inline}}}\n"));
    assert!(rules(&text).contains(&("variable", Severity::Error)));
    let hook = workflow(
        "- name: main\n  dag: {tasks: [{name: a, template: ok, onExit: gone}]}\n- name: ok\n  container: {image: x}\n",
    );
    assert_eq!(rules(&hook), [("unknown-template", Severity::Warning)]);
}

#[test]
fn an_inline_template_of_another_object_does_not_read_the_inputs_around_it() {
    let shared = |templates: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {{name: shared}}\nspec:\n  templates:\n{templates}---\n"
        )
    };
    let inputs = "inputs: {parameters: [{name: b}]}";
    let inline =
        |inputs: &str| format!("inline: {{{inputs} container: {{image: x, args: [\"{{{{inputs.parameters.b}}}}\"]}}}}");
    let outer = |calls: String| format!("  - name: outer\n    {inputs}\n    {calls}\n");
    let arguments = "arguments: {parameters: [{name: b, value: x}]}";
    let caller = workflow(&format!(
        "- name: main\n  steps: [[{{name: a, templateRef: {{name: shared, template: outer}}, {arguments}}}]]\n"
    ));
    let made = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\nspec: {entrypoint: outer, workflowTemplateRef: {name: shared}, arguments: {parameters: [{name: b, value: x}]}}\n";

    let steps = outer(format!("steps: [[{{name: c0, {}}}]]", inline("")));
    let dag = outer(format!("dag: {{tasks: [{{name: c0, {}}}]}}", inline("")));
    for text in [shared(&steps) + &caller, shared(&dag) + &caller, shared(&steps) + made] {
        assert_eq!(rules(&text), [("variable", Severity::Error)], "{text}");
    }
    let own = outer(format!("steps: [[{{name: c0, {}, {arguments}}}]]", inline("inputs: {parameters: [{name: b}]},")));
    assert_eq!(rules(&(shared(&own) + &caller)), []);
    let of_itself = format!(
        "- name: main\n  steps: [[{{name: a, template: outer, {arguments}}}]]\n{}",
        steps.replace("\n  ", "\n").trim_start()
    );
    assert_eq!(rules(&workflow(&of_itself)), []);
}

#[test]
fn a_tag_in_a_field_of_a_step_that_argo_does_not_know_is_not_looked_at() {
    let text = workflow(
        "- name: main
  steps: [[{name: a, template: leaf, arguments: {outputs: {parameters: [{value: '{{steps.b.id}}'}]}}}]]
- {name: leaf, container: {image: a, command: [c]}}",
    );
    assert_eq!(rules(&text), [("unknown-field", Severity::Warning)]);
}

#[test]
fn all_inputs_of_a_template_without_any_are_null() {
    let text = workflow(
        "- name: main
  steps: [[{name: '{{inputs.parameters}}', template: leaf}]]
- {name: leaf, container: {image: a, command: [c]}}",
    );
    assert_eq!(rules(&text), [("limit", Severity::Error)], "only the definitions refuse it");
}

#[test]
fn a_global_output_is_known_once_its_task_has_run_whatever_the_order_of_writing() {
    let of = |waits: &str| {
        workflow(&format!(
            "- name: main\n  dag:\n    tasks:\n    - {{name: b, template: read{waits}}}\n    - {{name: a, template: make}}\n- name: read\n  container: {{image: x, args: [\"{{{{workflow.outputs.parameters.g}}}}\"]}}\n- name: make\n  container: {{image: x}}\n  outputs: {{parameters: [{{name: o, globalName: g, valueFrom: {{path: /o}}}}]}}\n"
        ))
    };
    assert_eq!(rules(&of(", dependencies: [a]")), []);
    assert_eq!(rules(&of("")), [("variable", Severity::Error)]);
}

#[test]
fn a_tag_that_is_not_closed_is_told() {
    let of = |tag: &str| rules(&workflow(&format!("- name: main\n  container: {{image: x, args: [\"{tag}\"]}}\n")));
    assert_eq!(of("{{inputs.parameters.x} y"), [("variable", Severity::Error)]);
    assert_eq!(of("{{retries}"), [("tag", Severity::Warning)]);
    assert_eq!(of("{{=1 +}}"), [("tag", Severity::Warning)]);
    assert_eq!(of("{{ .Values.x }}"), [("tag", Severity::Warning)]);
    assert_eq!(of("{{ .Values.x"), []);
    assert_eq!(of("{{=retries}"), [("variable", Severity::Error)]);
}

#[test]
fn a_tag_that_nothing_closes_in_its_call_is_an_error() {
    let of = |kind: &str, call: &str| {
        let main = if kind == "steps" { format!("steps: [[{call}]]") } else { format!("dag: {{tasks: [{call}]}}") };
        rules(&workflow(&format!(
            "- name: main\n  {main}\n- name: read\n  inputs: {{parameters: [{{name: x, default: d}}]}}\n  container: {{image: x}}\n"
        )))
    };
    for kind in ["steps", "dag"] {
        let loops = "{name: a, template: read, withItems: [1], arguments: {parameters: [{name: x, value: '{{item}'}]}}";
        assert_eq!(of(kind, loops), [("variable", Severity::Error)], "{kind}");
        let single = "{name: a, template: read, arguments: {parameters: [{name: x, value: '{{item}'}]}}";
        assert_eq!(of(kind, single), [("tag", Severity::Warning)], "{kind}");
        assert_eq!(
            of(kind, "{name: a, template: read, when: '{{ .Values.x'}"),
            [("variable", Severity::Error)],
            "{kind}"
        );
    }
}

#[test]
fn the_status_of_a_task_is_known_where_it_has_hooks() {
    let of = |hooks: &str| {
        rules(&workflow(&format!(
            "- name: main\n  dag:\n    tasks:\n    - {{name: a, template: x, hooks: {hooks}}}\n  outputs: {{parameters: [{{name: o, valueFrom: {{parameter: '{{{{tasks.a.status}}}}'}}}}]}}\n- name: x\n  container: {{image: x}}\n"
        )))
    };
    assert_eq!(of("{exit: {template: x}}"), []);
    assert_eq!(of("{}"), [("variable", Severity::Error)]);
}

#[test]
fn a_plugin_is_one() {
    let of = |plugin: &str| rules(&workflow(&format!("- name: main\n  plugin: {plugin}\n")));
    assert_eq!(of("{slack: {}}"), []);
    for plugin in ["{}", "{a: 1, b: 2}", "[a]"] {
        assert_eq!(of(plugin), [("type", Severity::Error)], "{plugin}");
    }
}

#[test]
fn labels_that_select_pods_have_legal_values() {
    let of = |selector: &str| {
        let text = workflow("- name: main\n  container: {image: x}\n");
        rules(&text.replace("  templates:", &format!("  podGC: {{labelSelector: {{{selector}}}}}\n  templates:")))
    };
    assert_eq!(of("matchLabels: {a: b-c}, matchExpressions: [{key: a, operator: In, values: [b, '']}]"), []);
    for selector in ["matchLabels: {a: 'b c'}", "matchExpressions: [{key: a, operator: In, values: ['{{pod.name}}']}]"]
    {
        assert_eq!(of(selector), [("pod-gc", Severity::Error)], "{selector}");
    }
}

#[test]
fn no_document_makes_a_check_panic() {
    for body in [
        "spec: {entrypoint: main, templates: [null, 1, [], {name: main, steps: [[null, 1], {}]}]}",
        "spec: {templates: [{name: {}, dag: {tasks: [{depends: [x]}, {name: a, depends: a}]}}]}",
        "spec: []",
        "spec: {entrypoint: main, arguments: [], hooks: [], templates: {}}",
        "spec: {entrypoint: main, templates: [{name: main, inputs: {parameters: {}, artifacts: [1]}, container: [x]}]}",
    ] {
        let text = format!("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{name: a}}\n{body}\n");
        assert!(!rules(&text).is_empty(), "{body}");
    }
}

/// Argo drops a field that it does not know below a step, and what is in it. It says so of the document that has it.
#[test]
fn tags_in_an_unknown_field_of_a_template_elsewhere_have_no_meaning() {
    let template = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: shared}\nspec:\n  templates:\n  \
                    - {name: t, container: {image: a, command: [a]}}\n  - name: main\n    steps:\n    - - name: a\n        \
                    template: t\n        arguments: {outputs: {parameters: [{name: p, value: '{{steps.none.id}}'}]}}\n";
    let call = workflow("- name: main\n  steps:\n  - - {name: a, templateRef: {name: shared, template: main}}\n");
    assert_eq!(rules(template), [("unknown-field", Severity::Warning)]);
    assert_eq!(rules(&format!("{template}---\n{call}")), []);
    let known = template.replace("{outputs: {parameters:", "{parameters:").replace("}]}}\n", "}]}\n");
    assert!(rules(&format!("{known}---\n{call}")).contains(&("variable", Severity::Error)));
}

#[test]
fn many_findings_are_cut_short_and_leave_room_for_errors() {
    let unread = format!(
        "- name: main\n  container: {{image: a, command: [c], args: [{}'{{{{inputs.parameters.z}}}}']}}",
        "'{{nope}}', ".repeat(300)
    );
    let found = rules(&workflow(&unread));
    assert!(found.iter().any(|(_, severity)| *severity == Severity::Error));
    assert!(found.len() <= 201, "{}", found.len());

    let templates = |number: usize| {
        format!("- name: t{number}\n  container: {{image: a, command: ['{{{{inputs.parameters.z}}}}']}}\n")
    };
    let many: String = (0..1_000).map(templates).collect();
    let found = rules(&workflow(&format!("- name: main\n  container: {{image: a, command: [c]}}\n{many}")));
    assert!(found.len() <= 400, "{}", found.len());
}
