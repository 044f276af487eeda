//! What is written is read back the same.

use proptest::prelude::*;
use serde_json::json;

use super::*;

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
    let tab = to_yaml(&json!({"a": "\n\tx\n"}));
    assert_eq!(tab, "a: \"\\n\\tx\\n\"\n");
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
