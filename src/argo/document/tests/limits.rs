//! What is too large, too deep or too much is refused before it costs anything.

use super::*;

#[test]
fn a_text_over_the_limit_is_refused_unread() {
    let error = refusal(vec![0xff; 50 * 1024 * 1024]);
    assert!(matches!(error, DocumentError::TooLarge { bytes: 52_428_800, .. }));
}

#[test]
fn deep_nesting_is_refused_before_it_hurts() {
    let flow = format!("{HEAD}x: {}{}", "[".repeat(200_000), "]".repeat(200_000));
    let block = (0..1000).fold(HEAD.to_owned(), |text, depth| format!("{text}{}a:\n", " ".repeat(depth)));
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
    let keys = format!("{HEAD}x:\n- &a {}\n{}", "s".repeat(1 << 20), "- {*a : 1}\n".repeat(1000));
    for text in [laughs, strings, keys, anchors, values] {
        let error = refusal(text);
        assert!(matches!(error, DocumentError::TooMany(_)), "{error}");
        assert!(error.to_string().starts_with("wf.yaml:") && error.to_string().len() < 400, "{error}");
    }
}
