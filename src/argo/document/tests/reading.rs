//! What a text is read as.

use serde_json::json;

use super::*;

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
    assert_eq!(document.generate_name(), None);
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
fn the_items_of_a_list_of_one_kind_are_of_that_kind() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowList\nitems:\n- metadata: {name: a}\n- {kind: Workflow, apiVersion: argoproj.io/v1alpha1, metadata: {name: b}}\n";
    let parsed = read(text);
    let names: Vec<_> = parsed.documents.iter().map(|one| (one.kind, one.name())).collect();
    assert_eq!(names, [(Kind::Workflow, Some("a")), (Kind::Workflow, Some("b"))]);
    assert_eq!(parsed.documents[0].value["apiVersion"], "argoproj.io/v1alpha1");
    assert_eq!(parsed.documents[0].place("/metadata/name"), Some(Place { line: 4, column: 14 }));
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
    let error = field_refusal(&source(windows.replace("name: a", "name: A"))).to_string();
    assert!(error.contains("wf.yaml:4:3: field `metadata.name`: `A` is no legal name"), "{error}");
}

#[test]
fn lines_of_a_quoted_text_need_no_indentation() {
    let parsed = read(&format!("{HEAD}x:\n  k: \"a\n  b\n\nc\"\n  l: 'd\n e'\n"));
    assert_eq!(parsed.documents[0].value["x"], json!({"k": "a b\nc", "l": "d e"}));
    assert_eq!(parsed.documents[0].place("/x/l"), Some(Place { line: 8, column: 3 }));
}
