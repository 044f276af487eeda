//! What is said of a text that cannot be read.

use serde_json::json;

use super::*;

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
fn an_error_shows_its_lines_and_at_most_twenty_of_it() {
    let text = source(format!("{HEAD}spec:\n  priority: high\n  entrypoint: main\n"));
    let rendered = field_refusal(&text).render(&text, false);
    assert_eq!(
        rendered,
        "error: field `spec.priority`: expected an integer, found a string\n --> wf.yaml:4:3\n  |\n2 | kind: Workflow\n3 | spec:\n4 |   priority: high\n  |   ^^^^^^^^^^^^^^\n  |\nhelp: write it without quotes"
    );
    let text = source(format!(
        "{HEAD}metadata:\n  labels:\n{}",
        (0..25).fold(String::new(), |text, n| format!("{text}    l{n}: {n}\n"))
    ));
    let error = field_refusal(&text);
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
        "apiVersion: v1\nkind: Secret\nstringData: {password: '12345678'}\n---\nkind: Workflow\n",
        "apiVersion: v1\nkind: 'Secret'\nstringData: {password: '12345678'}\n---\nkind: Workflow\napiVersion: argoproj.io/v1alpha1\nspec: 1\n",
    ] {
        let text = source(text);
        let error = field_refusal(&text);
        let shown = format!("{error}{}", error.render(&text, false));
        assert!(!shown.contains("12345678") && shown.contains("wf.yaml:"), "{shown}");
    }
}

#[test]
fn what_a_message_repeats_of_a_document_is_short_and_without_control_characters() {
    let text = format!("kind: \"\\e[31m{}\"\n", "x".repeat(1000));
    let error = refusal(text).to_string();
    assert!(error.contains("found `�[31mxxx") && !error.contains('\u{1b}') && error.len() < 400, "{error}");
    let text = source(format!("{HEAD}spec: {{{}: 1}}\n", "parallelism: a, \"\\x1b]0;\\a\""));
    assert!(!field_refusal(&text).to_string().contains('\u{1b}'));
}
