//! What templates hand on to each other.

use super::*;

const LEAF: &str = "
- name: leaf
  inputs: {parameters: [{name: p, value: none}]}
  container: {image: a, command: [c, '{{inputs.parameters.p}}']}
  outputs:
    parameters: [{name: o, valueFrom: {path: /o}, globalName: g}]
    artifacts: [{name: art, path: /art, globalName: ga, optional: true}]
- name: reader
  inputs: {artifacts: [{name: in, path: /in}]}
  container: {image: a, command: [r]}";

fn run(main: &str) -> Run {
    Run::of(&format!("entrypoint: main\ntemplates:\n- name: main\n{main}{LEAF}"))
}

#[test]
fn a_value_with_quotes_and_newlines_arrives_as_it_was() {
    let mut run = run("
  steps:
  - - {name: a, template: leaf}
  - - name: b
      template: leaf
      arguments: {parameters: [{name: p, value: '{{steps.a.outputs.parameters.o}}'}]}");
    run.end("[0].a", writes("o", "say \"hi\"\n\\t{}"));
    assert_eq!(run.command("[1].b"), "c say \"hi\"\n\\t{}");
}

#[test]
fn all_parameters_are_a_list_in_a_tag_and_a_map_in_an_expression() {
    let command = |tag: &str| {
        let leaf = format!("{{image: a, command: [c, {tag:?}]}}");
        let steps = "steps: [[{name: a, template: leaf}]]";
        let leaf = format!("{{name: leaf, inputs: {{parameters: [{{name: p, value: v}}]}}, container: {leaf}}}");
        Run::of(&format!("entrypoint: main\ntemplates:\n- name: main\n  {steps}\n- {leaf}")).command("[0].a")
    };
    let list = r#"c [{"name":"p","value":"v"}]"#;
    for (tag, expected) in [
        ("{{inputs.parameters}}", list),
        ("{{ inputs.parameters }}", list),
        ("{{=toJson(inputs.parameters)}}", r#"c {"p":"v"}"#),
        ("{{inputs.parameters.p}} {{inputs.parameters", "c v {{inputs.parameters"),
        ("{{x-{{inputs.parameters}}", r#"c {{x-[{"name":"p","value":"v"}]"#),
    ] {
        assert_eq!(command(tag), expected, "{tag}");
    }
}

#[test]
fn a_result_is_recorded_only_where_somebody_refers_to_it() {
    let run = run("
  dag:
    tasks:
    - {name: a, template: leaf}
    - {name: b, template: leaf}
    - {name: c-d, template: leaf}
    - name: e
      template: leaf
      depends: a && c-d
      when: \"{{tasks.a.outputs.result}} == {{=tasks['c-d'].outputs.result}}\"");
    let captured: Vec<_> =
        run.running.iter().filter(|(_, task)| task.capture_result).map(|(node, _)| run.name(*node)).collect();
    assert_eq!(captured, [".a", ".c-d"]);
}

#[test]
fn a_result_is_recorded_where_a_template_as_it_is_written_refers_to_it() {
    let run = run("
  inputs: {parameters: [{name: q, value: x}]}
  steps:
  - - {name: a, template: leaf}
  - - name: b
      template: leaf
      arguments: {parameters: [{name: p, value: \"{{=inputs.parameters.q == 'x' ? 'yes' : steps.a.outputs.result}}\"}]}");
    assert!(run.running[0].1.capture_result);
}

#[test]
fn global_outputs_are_known_to_the_next_step_at_once() {
    let mut run = run("
  steps:
  - - {name: a, template: leaf}
  - - name: b
      template: leaf
      arguments: {parameters: [{name: p, value: '{{workflow.outputs.parameters.g}}'}]}
    - name: r
      template: reader
      arguments: {artifacts: [{name: in, from: '{{workflow.outputs.artifacts.ga}}'}]}");
    run.end("[0].a", Outcome { artifacts: vec!["art".to_owned()], ..writes("o", "v") });
    assert_eq!(run.command("[1].b"), "c v");
    assert_eq!(run.command("[1].r"), "r");
}

#[test]
fn an_artifact_goes_from_step_to_step() {
    let mut run = run("
  steps:
  - - {name: a, template: leaf}
  - - name: r
      template: reader
      arguments: {artifacts: [{name: in, from: '{{steps.a.outputs.artifacts.art}}', subPath: deep/er}]}");
    run.end("[0].a", keeps("art"));
    let (_, task) = &run.running[0];
    assert_eq!(
        format!("{:?}", task.input_artifacts[0].source),
        format!("Stored(\"/run/artifacts/{}/deep/er\")", "wf/wf-leaf-".to_owned() + &hash(&run, "[0].a") + "/art")
    );
}

fn hash(run: &Run, name: &str) -> String {
    let node = run.scheduler.nodes().iter().find(|node| node.name == format!("wf{name}")).unwrap();
    node.id.trim_start_matches("wf-").to_owned()
}

#[test]
fn an_output_of_a_skipped_step_has_its_default_or_leaves_the_input_its_own() {
    let spec = "
  steps:
  - - {name: a, template: giver, when: 'false'}
  - - name: b
      template: leaf
      arguments: {parameters: [{name: p, value: '{{steps.a.outputs.parameters.with}}'}]}
    - name: c
      template: leaf
      arguments: {parameters: [{name: p, value: '{{steps.a.outputs.parameters.without}}'}]}
- name: giver
  container: {image: a, command: [c]}
  outputs: {parameters: [{name: with, valueFrom: {path: /o, default: d}}, {name: without, valueFrom: {path: /o}}]}";
    let run = run(spec);
    assert_eq!((run.command("[1].b"), run.command("[1].c")), ("c d".to_owned(), "c none".to_owned()));
}

#[test]
fn an_input_without_a_default_cannot_do_without_the_output_of_a_skipped_step() {
    let run = run("
  dag:
    tasks:
    - {name: a, template: giver, when: 'false'}
    - name: b
      template: taker
      depends: a.Skipped
      arguments: {parameters: [{name: p, value: '{{tasks.a.outputs.parameters.o}}'}]}
- name: taker
  inputs: {parameters: [{name: p}]}
  container: {image: a, command: [c]}
- name: giver
  container: {image: a, command: [c]}
  outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}");
    assert_eq!(
        run.line(".b"),
        ".b Skipped Error: task 'wf.b' errored: inputs.parameters.p: argument references an absent optional (skipped/omitted node output with no default)"
    );
}

#[test]
fn a_steps_template_hands_its_children_s_outputs_on() {
    let mut run = run("
  steps:
  - - {name: a, template: leaf}
  outputs:
    parameters:
    - {name: direct, valueFrom: {parameter: '{{steps.a.outputs.parameters.o}}'}}
    - {name: computed, valueFrom: {expression: \"steps.a.outputs.parameters.o + '!'\"}}
    - {name: absent, valueFrom: {parameter: '{{steps.a.outputs.parameters.x}}', default: d}}");
    run.end("[0].a", writes("o", "v"));
    assert_eq!(run.line(""), " Steps Succeeded direct=v computed=v! absent=d");
}

#[test]
fn an_output_with_a_value_of_its_own_is_given_by_a_pod_too() {
    let mut run = Run::of(
        "
entrypoint: main
arguments: {parameters: [{name: w, value: x}]}
templates:
- name: main
  container: {image: a, command: [c]}
  outputs: {parameters: [{name: o, value: '{{workflow.parameters.w}}'}]}",
    );
    run.end("", succeeds());
    assert_eq!(run.line(""), " Pod Succeeded o=x");
}

#[test]
fn a_missing_output_errors_the_group_that_refers_to_it() {
    let mut run = run("
  steps:
  - - {name: a, template: leaf}
  - - name: b
      template: leaf
      arguments: {parameters: [{name: p, value: '{{steps.a.outputs.parameters.nothing}}'}]}");
    run.end("[0].a", succeeds());
    assert!(run.line("[1]").starts_with("[1] StepGroup Error: failed to resolve references: "), "{}", run.status());
    assert!(run.line("").starts_with(" Steps Failed: "), "{}", run.status());
}

#[test]
fn fields_that_are_null_are_as_if_they_were_not_there() {
    let status = Run::of(
        "
entrypoint: main
templates:
- name: main
  inputs: {parameters: null}
  steps:
  - - {name: a, template: leaf, arguments: {parameters: null, artifacts: null}, when: null}
- name: leaf
  container: {image: a, command: [c]}",
    )
    .play_failing(&[]);
    assert!(status.starts_with("Succeeded"), "{status}");
}

#[test]
fn the_creation_of_the_workflow_is_a_time() {
    let mut run = run("
  steps:
  - - name: a
      template: leaf
      arguments: {parameters: [{name: p, value: \"{{=sprig.date('2006', workflow.creationTimestamp)}}\"}]}");
    assert_eq!(run.command("[0].a"), "c 2026");
    assert!(run.play_failing(&[]).starts_with("Succeeded"));
}

#[test]
fn what_is_left_of_the_workflow_s_tags_is_replaced_as_the_pod_is_made() {
    let spec = "
entrypoint: main
arguments: {parameters: [{name: place, value: 'out/{{workflow.name}}'}]}
templates:
- name: main
  inputs: {parameters: [{name: d, default: '{{workflow.parameters.place}}'}]}
  RETRY
  container: {image: a, command: [c, '{{inputs.parameters.d}}', '{{pod.name}}', '{{ .Values.x }}']}";
    let run = Run::of(&spec.replace("RETRY", "priority: 0"));
    assert_eq!(run.command(""), "c out/wf wf {{ .Values.x }}");
    let run = Run::of(&spec.replace("RETRY", "retryStrategy: {limit: 1}"));
    assert!(run.command("(0)").starts_with("c out/wf wf-main-"), "{}", run.command("(0)"));
}

#[test]
fn the_workflow_s_duration_is_in_seconds_with_six_digits() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf}
  - - {name: b, template: leaf}
- name: leaf
  container: {image: a, command: [c, '{{workflow.duration}}', '{{steps.name}}']}";
    let mut run = Run::of(spec);
    assert_eq!(run.command("[0].a"), "c 0.000000 a");
    run.end("[0].a", succeeds());
    assert_eq!(run.command("[1].b"), "c 1.000000 b");
}

#[test]
fn the_container_is_called_main_whatever_the_document_says() {
    let spec = "
entrypoint: main
templates:
- name: main
  script: {name: other, image: a, command: [c], source: x}";
    assert_eq!(Run::of(spec).running[0].1.main[0].name, "main");
}

#[test]
fn an_expression_that_has_no_value_errors_where_nothing_is_missing() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps: [[{name: a, template: leaf, arguments: {parameters: [{name: p, value: '{{=nil}}'}]}}]]
- name: leaf
  inputs: {parameters: [{name: p}]}
  container: {image: a, command: [c]}";
    let run = Run::of(spec).play_failing(&[]);
    assert!(run.contains("\n[0] StepGroup Error"), "{run}");
}

#[test]
fn a_container_gets_variables_and_files_as_from_the_kubelet() {
    let spec = "
entrypoint: main
volumes: [{name: own, configMap: {name: '{{workflow.parameters.map}}', items: [{key: one, path: a/b, mode: 256}]}}]
arguments: {parameters: [{name: map, value: settings}]}
templates:
- name: main
  inputs: {parameters: [{name: volume, value: own}]}
  metadata: {labels: {tier: back}}
  volumes: [{name: pod, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}]
  container:
    image: a
    command: [c, $(TIER), $$(TIER), $(NONE)]
    resources: {limits: {cpu: 1500m}}
    env:
    - {name: TIER, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['tier']\"}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    - {name: BOTH, value: $(TIER)-$(CPU)-$(LATER)}
    - {name: LATER, value: x}
    volumeMounts: [{name: '{{inputs.parameters.volume}}', mountPath: /own, subPath: a}, {name: pod, mountPath: /pod}]";
    let settings = BTreeMap::from([("one".to_owned(), "1".to_owned()), ("two".to_owned(), "2".to_owned())]);
    let run = Run::with(spec, |plan| {
        plan.config_maps.insert("settings".to_owned(), settings);
    });
    let (_, task) = &run.running[0];
    assert_eq!(task.main[0].command, ["c", "back", "$(TIER)", "$(NONE)"]);
    let env: Vec<_> = task.main[0].env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(env, ["TIER=back", "CPU=2", "BOTH=back-2-$(LATER)", "LATER=x"]);
    let files: Vec<_> =
        task.volume_files.iter().map(|file| (file.path.to_str().unwrap(), file.content.as_str(), file.mode)).collect();
    let labels = "tier=\"back\"\nworkflows.argoproj.io/completed=\"false\"\nworkflows.argoproj.io/workflow=\"wf\"";
    assert_eq!(files, [("a/b", "1", 256), ("labels", labels, 0o644)]);
    assert!(task.mounts.iter().all(|mount| mount.read_only));
    assert_eq!(task.mounts[0].source, PathBuf::from("/run/nodes/wf/files/own"));
    assert_eq!(task.mounts[0].sub_path, PathBuf::from("a"));
}

#[test]
fn what_is_missing_is_named_as_the_kubelet_names_it() {
    let spec = "
entrypoint: main
templates:
- name: main
  container:
    image: a
    command: [c]
    env: [{name: X, valueFrom: {configMapKeyRef: {name: settings, key: NAME}}}]";
    let run = |name: &str, map: &str| {
        let spec = spec.replace("NAME", name).replace("settings", map);
        let mut run = Run::with(&spec, |plan| {
            plan.config_maps.insert("settings".to_owned(), BTreeMap::new());
        });
        run.play_failing(&[])
    };
    assert!(run("one", "settings").contains("couldn't find key one in ConfigMap default/settings"));
    assert!(run("one", "other").contains("configmap \"other\" not found"));
}
