#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

const HEAD: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n";

fn source(text: impl Into<Vec<u8>>) -> Source {
    Source { name: "wf.yaml".to_owned(), text: text.into() }
}

fn read(text: &str) -> Parsed {
    parse(&source(text)).unwrap()
}

fn refusal(text: impl Into<Vec<u8>>) -> DocumentError {
    parse(&source(text)).unwrap_err()
}

/// What one YAML value is read as; it stands in an annotation-like free field.
fn value_of(yaml: &str) -> Value {
    read(&format!("{HEAD}x:\n- {yaml}\n")).documents[0].value["x"][0].clone()
}

fn shape_errors(body: &str) -> Vec<String> {
    match parse(&source(format!("{HEAD}{body}"))) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_document_keeps_unknown_fields_their_order_and_its_names() {
    let text = "zeta: 1\nkind: Workflow\nmetadata: {namespace: argo, name: one, future: [x]}\napiVersion: argoproj.io/v1alpha1\nalpha: null\n";
    let parsed = read(text);
    let document = &parsed.documents[0];
    assert_eq!(
        document.value.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["zeta", "kind", "metadata", "apiVersion", "alpha"]
    );
    assert_eq!((document.kind, document.name(), document.namespace()), (Kind::Workflow, Some("one"), Some("argo")));
    assert_eq!((document.generate_name(), document.source()), (None, "wf.yaml"));
    assert!(parsed.warnings.is_empty());
}

#[test]
fn documents_and_the_items_of_a_list_come_one_by_one() {
    let text = format!(
        "# first\n---\n{HEAD}metadata: {{name: a}}\n---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  data: {{k: v}}\n- apiVersion: v1\n  kind: Secret\n"
    );
    let parsed = read(&text);
    let kinds: Vec<_> = parsed.documents.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Workflow, Kind::ConfigMap, Kind::Secret]);
    assert_eq!(parsed.documents[1].place("/data/k"), Some(Place { line: 14, column: 10 }));
    assert_eq!(parsed.documents[2].place("/kind"), Some(Place { line: 16, column: 3 }));
}

#[test]
fn json_is_read_alone_in_a_row_and_with_keys_no_yaml_has() {
    let object = r#"{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"\ud83d\ude00\/"}}"#;
    let indented = object.replace(',', ",\n\t");
    assert_eq!(read(object).documents[0].value["data"]["a"], "😀/");
    assert_eq!(read(&indented).documents[0].place("/data/a"), Some(Place { line: 3, column: 10 }));
    assert_eq!(read(&format!("{object}\n{object}")).documents.len(), 2);
    let long = "k".repeat(2000);
    assert_eq!(read(&object.replace("\"a\"", &format!("{long:?}"))).documents[0].value["data"][&long], "😀/");
}

#[test]
fn a_live_object_needs_only_its_kind() {
    let value = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": {"entrypoint": 5}});
    let document = Document::from_value(value, "workflow/one").unwrap();
    assert_eq!(document.place("/spec"), None);
    let error = Document::from_value(json!({"kind": "Pod"}), "pod/one").unwrap_err();
    assert!(error.to_string().starts_with("pod/one: field `kind`: expected Workflow, "), "{error}");
}

#[test]
fn scalars_are_what_kubectl_makes_of_them() {
    for (text, value) in [
        ("yes", json!(true)),
        ("On", json!(true)),
        ("y", json!(true)),
        ("N", json!(false)),
        ("off", json!(false)),
        ("yEs", json!("yEs")),
        ("0777", json!(511)),
        ("0o17", json!(15)),
        ("08", json!(8.0)),
        ("0x_1F", json!(31)),
        ("-0b11", json!(-3)),
        ("1_000", json!(1000)),
        ("_1", json!("_1")),
        ("1e3", json!(1000.0)),
        ("1.", json!(1.0)),
        (".5_0", json!(0.5)),
        ("._5", json!("._5")),
        ("1e400", json!("1e400")),
        ("1:30", json!("1:30")),
        ("2026-11-21", json!("2026-11-21")),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
        ("~", Value::Null),
        ("Null", Value::Null),
        ("'yes'", json!("yes")),
        ("\"1\"", json!("1")),
        ("!!str 1", json!("1")),
        ("!!int \"1\"", json!(1)),
        ("!!float 1", json!(1.0)),
        ("!custom 1", json!("1")),
    ] {
        assert_eq!(value_of(text), value, "{text}");
    }
}

#[test]
fn parameters_become_the_text_argo_makes_of_them() {
    for (value, text) in [
        (json!("a"), Some("a")),
        (json!(true), Some("true")),
        (json!(1.0), Some("1")),
        (json!(1e21), Some("1000000000000000000000")),
        (json!(12_345_678_901_234_567_890_u64), Some("12345678901234567000")),
        (json!(0.1), Some("0.1")),
        (Value::Null, None),
        (json!([1]), None),
    ] {
        assert_eq!(any_string(&value).as_deref(), text, "{value}");
    }
}

#[test]
fn keys_become_text_and_say_so_when_that_changes_them() {
    let parsed = read(&format!("{HEAD}x: {{8080: a, on: b, 1.10: c, 0x10: d, 1e6: e, 'no': f}}\n"));
    let keys: Vec<_> = parsed.documents[0].value["x"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["8080", "true", "1.1", "16", "1e+06", "no"]);
    assert_eq!(parsed.warnings.len(), 4);
    assert!(parsed.warnings[0].to_string().contains("3:14: field `x.true`: the key `on` is read as `true`"));
    for key in ["~", "[a]", "{a: b}"] {
        let error = refusal(format!("{HEAD}x:\n  ? {key}\n  : b\n")).to_string();
        assert!(error.contains("as a key, expected text"), "{error}");
    }
}

#[test]
fn of_two_equal_keys_the_second_counts_with_a_warning() {
    let parsed = read(&format!("{HEAD}spec:\n  priority: 1\n  entrypoint: a\n  priority: 2\n"));
    let document = &parsed.documents[0];
    assert_eq!(document.value["spec"]["priority"], 2);
    assert_eq!(document.place("/spec/priority"), Some(Place { line: 6, column: 3 }));
    assert_eq!(
        parsed.warnings[0].to_string(),
        "wf.yaml:6:3: field `spec.priority`: the key `priority` stands twice, first at 4:3; the second one counts (keep one of them)"
    );
}

#[test]
fn aliases_and_merges_apply_in_the_order_they_stand() {
    let parsed = read(&format!(
        "{HEAD}x:\n  base: &b {{p: 1, q: {{r: 2}}}}\n  after: {{<<: *b, p: 3}}\n  before: {{p: 3, <<: *b}}\n  many: {{<<: [{{p: 5}}, *b]}}\n  copy: *b\n  quoted: {{'<<': 1}}\n"
    ));
    let document = &parsed.documents[0];
    let x = &document.value["x"];
    assert_eq!(x["after"], json!({"p": 3, "q": {"r": 2}}));
    assert_eq!(x["before"], json!({"p": 1, "q": {"r": 2}}));
    assert_eq!(x["many"], json!({"p": 5, "q": {"r": 2}}));
    assert_eq!(x["copy"], x["base"]);
    assert_eq!(x["quoted"], json!({"<<": 1}));
    assert_eq!(parsed.warnings.len(), 1);
    assert!(
        parsed.warnings[0].to_string().contains("6:22: field `x.before.p`: `<<` replaces"),
        "{}",
        parsed.warnings[0]
    );
    assert_eq!(document.place("/x/copy"), Some(Place { line: 8, column: 3 }));
    assert_eq!(document.place("/x/copy/q/r"), Some(Place { line: 4, column: 23 }));
    assert_eq!(document.place("/x/after/q"), Some(Place { line: 4, column: 19 }));
    assert_eq!(document.place("/x/after/p"), Some(Place { line: 5, column: 19 }));
    assert!(refusal(format!("{HEAD}x: {{<<: 1}}\n")).to_string().contains("`<<` takes an object"));
    assert!(refusal(format!("{HEAD}x: &a [*a]\n")).to_string().contains("contains itself"));
    assert!(refusal(format!("{HEAD}x: *gone\n")).to_string().contains("wf.yaml:3:4: "));
}

#[test]
fn a_place_is_that_of_the_key_or_the_item_or_of_what_is_around() {
    let document =
        &read(&format!("{HEAD}spec:\n  templates:\n  - name: a\n  - name: b\n    a/b~c: |\n      text\n")).documents[0];
    for (pointer, line, column) in [
        ("", 1, 1),
        ("/spec", 3, 1),
        ("/spec/templates/1", 6, 5),
        ("/spec/templates/1/name", 6, 5),
        ("/spec/templates/1/a~1b~0c", 7, 5),
        ("/spec/templates/1/container/image", 6, 5),
        ("/spec/templates/7", 4, 3),
        ("/status/nodes", 1, 1),
    ] {
        assert_eq!(document.place(pointer), Some(Place { line, column }), "{pointer}");
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_make_no_difference() {
    let text = format!("{HEAD}metadata:\n  name: a\nx: |\n  one\n  two\n");
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let (one, two) = (read(&text), read(&windows));
    assert_eq!(one.documents[0].value, two.documents[0].value);
    assert_eq!(one.documents[0].place("/metadata/name"), two.documents[0].place("/metadata/name"));
    let error = refusal(windows.replace("name: a", "name: A"));
    assert!(error.to_string().starts_with("wf.yaml:4:3: field `metadata.name`: `A` is no legal name"), "{error}");
}

#[test]
fn texts_without_a_document_are_refused() {
    for text in ["", "\n\n", "# only words\n", "---\n---\n", "\u{feff}"] {
        let error = refusal(text);
        assert!(matches!(error, DocumentError::Empty { .. }), "{text:?}: {error}");
        assert!(error.to_string().contains("CronWorkflow, ConfigMap or Secret"));
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_offset() {
    let mut text = format!("{HEAD}x: ü").into_bytes();
    text.push(0xff);
    let error = refusal(text);
    assert_eq!(error.to_string(), "wf.yaml:3:5: not UTF-8: unexpected byte 0xff at offset 53");
    let error = refusal(format!("{HEAD}x: a\0b"));
    assert_eq!(error.to_string(), "wf.yaml:3:5: unexpected NUL byte at offset 52, expected text");
}

#[test]
fn a_text_over_the_limit_is_refused_unread() {
    let error = refusal(vec![0xff; 50 * 1024 * 1024]);
    assert!(matches!(error, DocumentError::TooLarge { bytes: 52_428_800, .. }));
}

#[test]
fn tabs_in_the_indentation_are_named() {
    for text in ["spec:\n\tentrypoint: a\n", "spec:\n  \tentrypoint: a\n", "spec:\n  x:\n  \t- a\n"] {
        let error = refusal(format!("{HEAD}{text}")).to_string();
        assert!(error.contains("a tab stands in the indentation (indent with spaces)"), "{text:?}: {error}");
    }
    assert_eq!(value_of("{\n  \t  a:\tb\n  }"), json!({"a": "b"}));
}

#[test]
fn a_syntax_error_says_where() {
    let error = refusal(format!("{HEAD}spec:\n  templates: [a, b\n  x: y\n"));
    assert!(matches!(error, DocumentError::Syntax(_)));
    assert!(error.to_string().starts_with("wf.yaml:"), "{error}");
    assert!(error.problems()[0].place.is_some_and(|place| place.line >= 4));
}

#[test]
fn deep_nesting_is_refused_before_it_hurts() {
    let flow = format!("{HEAD}x: {}{}", "[".repeat(200_000), "]".repeat(200_000));
    let block = (0..5000).fold(HEAD.to_owned(), |text, depth| format!("{text}{}a:\n", " ".repeat(depth)));
    let items = format!("{HEAD}x:\n{}a\n", "- ".repeat(50_000));
    let json = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let aliases =
        (1..100).fold(format!("{HEAD}x:\n- &a0 [1]\n"), |text, one| format!("{text}- &a{one} [[*a{}]]\n", one - 1));
    for text in [flow, block, items, json, aliases] {
        let error = refusal(text);
        assert!(matches!(error, DocumentError::TooDeep(_)), "{error}");
    }
    let legal = format!("{HEAD}x: {}{}\n", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
    let value = &read(&legal).documents[0].value;
    assert_eq!(&read(&to_yaml(value)).documents[0].value, value);
}

#[test]
fn alias_bombs_are_refused_before_they_expand() {
    let laughs = (1..30).fold(format!("{HEAD}x:\n  a0: &a0 lol\n"), |text, one| {
        format!("{text}  a{one}: &a{one} [{}]\n", vec![format!("*a{}", one - 1); 9].join(", "))
    });
    let strings = format!("{HEAD}x:\n- &a {}\n{}", "s".repeat(1 << 20), "- *a\n".repeat(1000));
    let anchors = format!("{HEAD}x: {}[{}]{}\n", "&a [".repeat(80), "1,".repeat(60_000), "]".repeat(80));
    let values = format!("{HEAD}x: [{}]\n", "1,".repeat(MAX_VALUES));
    for text in [laughs, strings, anchors, values] {
        let error = refusal(text);
        assert!(matches!(error, DocumentError::TooMany(_)), "{error}");
        assert!(error.to_string().starts_with("wf.yaml:"));
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

#[test]
fn an_error_shows_its_lines_and_at_most_twenty_of_it() {
    let text = source(format!("{HEAD}spec:\n  priority: high\n  entrypoint: main\n"));
    let rendered = parse(&text).unwrap_err().render(&text, false);
    assert_eq!(
        rendered,
        "error: field `spec.priority`: expected an integer, found a string\n --> wf.yaml:4:3\n  |\n2 | kind: Workflow\n3 | spec:\n4 |   priority: high\n  |   ^^^^^^^^^^^^^^\n  |\nhelp: write it without quotes"
    );
    let text = source(format!(
        "{HEAD}metadata:\n  labels:\n{}",
        (0..25).fold(String::new(), |text, n| format!("{text}    l{n}: {n}\n"))
    ));
    let error = parse(&text).unwrap_err();
    assert_eq!(error.problems().len(), 25);
    for shown in [error.to_string(), error.render(&text, false)] {
        assert!(
            shown.ends_with("and 5 more") && shown.contains("labels.l19") && !shown.contains("labels.l20"),
            "{shown}"
        );
    }
    assert!(error.render(&text, true).contains('\u{1b}'));
}

#[test]
fn an_error_without_a_line_is_one_line() {
    let text = source("");
    assert_eq!(
        parse(&text).unwrap_err().render(&text, false),
        "error: wf.yaml: no document found, expected one of Workflow, WorkflowTemplate, ClusterWorkflowTemplate, CronWorkflow, ConfigMap or Secret"
    );
}

#[test]
fn what_a_secret_holds_is_never_shown() {
    for text in [
        "apiVersion: v1\nkind: Secret\nstringData: {password: 12345678}\n",
        "apiVersion: v1\nkind: Secret\nstringData: {password: 12345678\n",
        "apiVersion: v1\nkind: Secret\nstringData:\n\tpassword: 12345678\n",
    ] {
        let text = source(text);
        let error = parse(&text).unwrap_err();
        let shown = format!("{error}{}", error.render(&text, false));
        assert!(!shown.contains("12345678") && shown.contains("wf.yaml:"), "{shown}");
    }
}

#[test]
fn text_is_quoted_so_that_a_yaml_1_1_reader_gets_it_back() {
    for text in [
        "yes",
        "on",
        "y",
        "N",
        "1_000",
        "0777",
        "0o17",
        "1e3",
        ".5",
        "0x1F",
        "1:30",
        "~",
        "null",
        "",
        "2026-11-21",
        "a: b",
        "a #b",
        " a",
        "a ",
        "\ta",
        "a\tb",
        "- a",
        "<<",
        "=",
        "---",
        "{{x}}",
        "@a",
        "`a",
        "%a",
        "a\r\nb",
        "\u{7f}",
        "\u{85}",
        "\u{feff}",
        "\u{1}",
    ] {
        let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": text, text: "v"}});
        let yaml = to_yaml(&value);
        assert_eq!(read(&yaml).documents[0].value, value, "{yaml}");
        let plain = format!("k: {text}\n");
        let bare = ["2026-11-21", "1:30", "="].contains(&text);
        assert!(bare || !yaml.contains(&plain), "{yaml}");
    }
}

#[test]
fn text_of_several_lines_stays_readable_and_long_lines_whole() {
    let long = "word ".repeat(100);
    let value =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "one\n  two\n", "b": "x\ny", "c": long.trim()}});
    let yaml = to_yaml(&value);
    assert!(yaml.contains("  a: |\n    one\n      two\n  b: |-\n    x\n    y\n"), "{yaml}");
    assert!(yaml.contains(long.trim()), "{yaml}");
    let several = to_yaml_documents(&[value.clone(), value.clone()]);
    assert_eq!(read(&several).documents.iter().map(|one| &one.value).collect::<Vec<_>>(), [&value, &value]);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ a-z:#\\-'\"\\[\\]{}&*!|>%@`,\t\n]{0,12}",
        "[0-9a-fox_.+:eE-]{1,8}",
        "(yes|no|on|off|y|n|true|null|~|<<|=|---|\\.\\.\\.|\\.inf)",
        any::<String>(),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_the_same(value in any_value()) {
        let value = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "x": value});
        let yaml = to_yaml(&value);
        let parsed = parse(&source(yaml.clone())).map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
        prop_assert_eq!(&parsed.documents[0].value, &value, "{}", yaml);
        let json = parse(&source(value.to_string())).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&json.documents[0].value, &value);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "([ \\[\\]{}:,&*!<|>\"'?\n\t-]|a|1|kind: Workflow\n){0,40}") {
        if let Err(error) = parse(&source(text.clone())) {
            prop_assert!(error.render(&source(text), false).starts_with("error: "));
        }
    }
}
