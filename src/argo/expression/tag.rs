//! Finds `{{name}}` and `{{=expression}}` in a text and puts values in their place.

use std::ops::Range;

use serde_json::Value;

use super::parsed::{Parsed, parsed};
use super::scope::Scope;
use super::{ExpressionError, evaluate_parsed, golang, references};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// What becomes of a tag whose variable is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// The tag stays as it is, for a later pass that knows more.
    Keep,
    /// The tag stays, unless it is one of `steps` or `tasks`, which nothing gives a value later; an expression that lacks
    /// no variable and still has no value is an error too. ReplaceStrictAny in util/template/replace.go, v4.1.2.
    KeepItems,
    /// It is an error.
    Refuse,
}

/// A tag and the bytes of the text it spans, braces included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag<'t> {
    /// What stands between the braces.
    pub(crate) content: Content<'t>,
    /// Where the tag stands in the text.
    pub(crate) span: Range<usize>,
}

/// What stands between a tag's braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content<'t> {
    /// The name of a variable, without the spaces around it.
    Simple(&'t str),
    /// An expression, without the `=`.
    Expression(&'t str),
}

/// The tags of a text, in order. Of tags inside of a tag it is the innermost one that Argo replaces, and that is given.
pub(crate) fn tags(text: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let raw = next(text, at)?;
        at = raw.end;
        if let Some(expression) = raw.inner.strip_prefix('=') {
            let content = Content::Expression(expression);
            return Some(Tag { content, span: raw.start..raw.end });
        }
        let nested = raw.inner.rfind(OPEN).map_or(0, |index| index + OPEN.len());
        let content = Content::Simple(raw.inner[nested..].trim());
        Some(Tag { content, span: raw.start + nested..raw.end })
    })
}

/// A tag as it is cut out of the text: from its braces to the first closing ones.
struct Raw<'t> {
    inner: &'t str,
    start: usize,
    end: usize,
}

fn next(text: &str, from: usize) -> Option<Raw<'_>> {
    let start = from + twice(text.get(from..)?, '{')?;
    let inner = start + OPEN.len();
    let length = twice(&text[inner..], '}')?;
    Some(Raw { inner: &text[inner..inner + length], start, end: inner + length + CLOSE.len() })
}

/// Where a letter first stands twice, without the preparations of a search for any text: the texts are many and short.
fn twice(text: &str, letter: char) -> Option<usize> {
    text.match_indices(letter).map(|(at, _)| at).find(|at| text[at + letter.len_utf8()..].starts_with(letter))
}

/// Whether a text may have tags.
pub(crate) fn has_open(text: &str) -> bool {
    twice(text, '{').is_some()
}

/// Replaces the tags of a text by the values they stand for.
pub fn render(text: &str, scope: &Scope, unresolved: Unresolved) -> Result<String, ExpressionError> {
    let Some(first) = twice(text, '{') else {
        return Ok(text.to_owned());
    };
    let mut rendered = String::with_capacity(text.len());
    rendered.push_str(&text[..first]);
    let mut at = first;
    while let Some(tag) = next(text, at) {
        rendered.push_str(&text[at..tag.start]);
        let replacement = match tag.inner.strip_prefix('=') {
            Some(expression) => expression_tag(expression, scope, unresolved)?,
            None => simple_tag(tag.inner, scope, unresolved)?,
        };
        match replacement {
            Some(replacement) => rendered.push_str(&replacement),
            None => rendered.push_str(&text[tag.start..tag.end]),
        }
        at = tag.end;
    }
    let rest = &text[at..];
    if let (Some(open), Unresolved::Refuse) = (rest.find(OPEN), unresolved) {
        return Err(ExpressionError::Unclosed { offset: at + open });
    }
    rendered.push_str(rest);
    Ok(rendered)
}

/// Replaces the tags that stand for the same value whenever they are rendered, those of no variable but settled ones. A tag that
/// another one is in, or whose value could hold a tag, stays.
pub(crate) fn render_settled(text: &str, scope: &Scope, is_settled: impl Fn(&str) -> bool) -> String {
    let mut rendered = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(tag) = next(text, at) {
        rendered.push_str(&text[at..tag.start]);
        let value = match tag.inner.strip_prefix('=') {
            Some(expression) => {
                let names = references::references(expression);
                let settled = !names.is_empty() && names.iter().all(|name| is_settled(name));
                settled.then(|| super::evaluate(expression, scope).ok()).flatten()
            }
            None => scope.get(tag.inner.trim()).filter(|_| is_settled(tag.inner.trim())).cloned(),
        };
        match value.as_ref().and_then(text_of).filter(|value| !value.contains(['{', '}'])) {
            Some(value) => rendered.push_str(&value),
            None => rendered.push_str(&text[tag.start..tag.end]),
        }
        at = tag.end;
    }
    rendered + &text[at..]
}

/// Renders every string of a JSON tree; the keys stay as they are.
pub(crate) fn render_value(value: &Value, scope: &Scope, unresolved: Unresolved) -> Result<Value, ExpressionError> {
    let mut value = value.clone();
    render_in_place(&mut value, scope, unresolved)?;
    Ok(value)
}

/// The same in place: what has no tags costs a look. After an error a part of it is rendered.
pub(crate) fn render_in_place(value: &mut Value, scope: &Scope, unresolved: Unresolved) -> Result<(), ExpressionError> {
    match value {
        Value::String(text) if has_open(text) => *text = render(text, scope, unresolved)?,
        Value::Array(values) => {
            values.iter_mut().try_for_each(|value| render_in_place(value, scope, unresolved))?;
        }
        Value::Object(fields) => {
            fields.values_mut().try_for_each(|value| render_in_place(value, scope, unresolved))?;
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

fn simple_tag(tag: &str, scope: &Scope, unresolved: Unresolved) -> Result<Option<String>, ExpressionError> {
    let name = tag.trim();
    if let Some(value) = scope.get(name) {
        return text_of(value).map(Some).ok_or_else(|| absent(tag));
    }
    if let Some((before, nested)) = tag.rsplit_once(OPEN).filter(|(before, _)| !before.is_empty())
        && let Some(value) = scope.get(nested)
    {
        let value = text_of(value).ok_or_else(|| absent(tag))?;
        return Ok(Some(format!("{OPEN}{before}{value}")));
    }
    let kept = match unresolved {
        Unresolved::Keep => true,
        Unresolved::KeepItems => !is_of_children(name) || name.contains(".outputs.artifacts."),
        Unresolved::Refuse => false,
    };
    if kept {
        return Ok(None);
    }
    Err(ExpressionError::Unresolved { tag: tag.to_owned(), variable: name.to_owned() })
}

/// Whether the variable is one of a step or task.
fn is_of_children(variable: &str) -> bool {
    matches!(variable.split('.').next(), Some("steps" | "tasks"))
}

fn expression_tag(expression: &str, scope: &Scope, unresolved: Unresolved) -> Result<Option<String>, ExpressionError> {
    let parsed = parsed(expression).map_err(|fault| fault.syntax(expression))?;
    if unresolved == Unresolved::Keep {
        return tolerant(&parsed, expression, scope);
    }
    let missing = references::missing(&parsed.node, scope);
    let counts = |variable: &&String| unresolved == Unresolved::Refuse || is_of_children(variable);
    let refused = missing.iter().find(counts);
    if let Some(variable) = refused {
        let tag = format!("={expression}");
        return Err(ExpressionError::Unresolved { tag, variable: variable.clone() });
    }
    if !missing.is_empty() {
        return tolerant(&parsed, expression, scope);
    }
    let value = evaluate_parsed(&parsed, expression, scope)?;
    text_of(&value).map(Some).ok_or_else(|| absent(&format!("={expression}")))
}

/// Argo takes any failure for a variable that is not known yet, and does not even try while one of those is missing
/// that come late and that an expression could do without.
fn tolerant(parsed: &Parsed, expression: &str, scope: &Scope) -> Result<Option<String>, ExpressionError> {
    if parsed.may_wait && references::waits(&parsed.node, scope) {
        return Ok(None);
    }
    match evaluate_parsed(parsed, expression, scope) {
        Err(error @ ExpressionError::Budget { .. }) => Err(error),
        other => Ok(other.ok().and_then(|value| text_of(&value))),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(golang::json(other)),
    }
}

fn absent(tag: &str) -> ExpressionError {
    let tag = tag.to_owned();
    ExpressionError::Absent { tag }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        let mut scope = Scope::new();
        scope.set("inner", "suffix");
        scope.set("outer-suffix", "final");
        scope.set("inputs.parameters.message", "hello world");
        scope.set("number", 3);
        scope.set("list", json!(["<", 1.0]));
        scope.set("tasks.skipped.outputs.result", Value::Null);
        scope.set("item", json!({"name": "a"}));
        scope
    }

    fn keep(text: &str) -> Result<String, ExpressionError> {
        render(text, &scope(), Unresolved::Keep)
    }

    fn refuse(text: &str) -> Result<String, ExpressionError> {
        render(text, &scope(), Unresolved::Refuse)
    }

    #[rstest]
    #[case("plain", "plain")]
    #[case("{{inner}}-{{ inner }}", "suffix-suffix")]
    #[case("{{number}}", "3")]
    #[case("{{=number + 1}} {{= sprig.trunc(-5, inputs.parameters.message) }}", "4 world")]
    #[case("{{=list}}", r#"["\u003c",1]"#)]
    #[case("{{='<' + 'é\"'}}", "<é\"")]
    #[case("{{=1 + \n1}}", "2")]
    #[case("{{=item.none ?? 'other'}}{{=item?.none ?? 'x'}}", "otherx")]
    #[case("{{=tasks.skipped.outputs.result ?? 'other'}}", "other")]
    #[case("{{=inputs.parameters}}", r#"{"message":"hello world"}"#)]
    fn what_is_known_is_replaced(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(keep(text).unwrap(), expected);
        assert_eq!(refuse(text).unwrap(), expected);
    }

    #[rstest]
    #[case("{{unknown}}")]
    #[case("{{ unknown }}")]
    #[case("{{=unknown}}")]
    #[case("{{=retries ?? 1}}")]
    #[case("{{=asInt(retries) + 1}}")]
    #[case("{{=workflow.status == 'Succeeded' ? 'a' : 'b'}}")]
    #[case("{{=inputs.parameters.none}}")]
    #[case("{{=lastRetry.exitCode}}")]
    fn what_is_not_known_is_kept_or_refused(#[case] text: &str) {
        assert_eq!(keep(text).unwrap(), text);
        assert!(matches!(refuse(text).unwrap_err(), ExpressionError::Unresolved { .. }));
    }

    #[test]
    fn a_refusal_names_the_tag_or_the_variable() {
        let message = |text| refuse(text).unwrap_err().to_string();
        assert_eq!(message("a {{=asInt(unknown.b) + 1}}"), "failed to evaluate expression: unknown is missing");
        assert_eq!(message("a {{unknown.b}}"), "failed to resolve {{unknown.b}}");
    }

    #[test]
    fn an_expression_that_fails_is_kept_for_later_or_refused_with_its_reason() {
        assert_eq!(keep("{{=asInt(inner)}}").unwrap(), "{{=asInt(inner)}}");
        let message = refuse("{{=asInt(inner)}}").unwrap_err().to_string();
        assert_eq!(message, "expression `asInt(inner)` failed at offset 0: asInt: \"suffix\" is not an integer");
    }

    #[test]
    fn what_is_left_of_a_step_waits_for_items_only() {
        let keep = |text: &str| render(text, &scope(), Unresolved::KeepItems);
        for text in ["{{unknown}}", "{{item.x}}", "{{=item.x + unknown}}", "{{tasks.a.outputs.artifacts.b}}"] {
            assert_eq!(keep(text).unwrap(), text);
        }
        for text in ["{{steps.a.outputs.result}}", "{{=tasks.a.status}}", "{{=asInt(inner)}}", "{{=nil}}"] {
            assert!(keep(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_expression_that_is_none_is_refused_even_where_tags_are_kept() {
        assert!(matches!(keep("{{=!}}").unwrap_err(), ExpressionError::Syntax { offset: 1, .. }));
        assert!(matches!(keep("{{=toJson({a: {b: 1}})}}").unwrap_err(), ExpressionError::Syntax { .. }));
    }

    #[test]
    fn an_absent_value_is_refused_even_where_tags_are_kept() {
        let error = keep("a {{tasks.skipped.outputs.result}}").unwrap_err();
        assert!(matches!(error, ExpressionError::Absent { .. }));
        assert!(refuse("{{=tasks.skipped.outputs.result}}").is_err());
    }

    #[rstest]
    #[case("{{outer-{{inner}}}}", "{{outer-suffix}}")]
    #[case("{{outer-suffix}}", "final")]
    #[case("{{- with secret \"{{inputs.parameters.message}}\" -}}", "{{- with secret \"hello world\" -}}")]
    #[case("{{- with {{ secret \"{{inner}}\" -}} }}", "{{- with {{ secret \"suffix\" -}} }}")]
    #[case("{{ .Data.data }} {{- end }}", "{{ .Data.data }} {{- end }}")]
    #[case("open {{ and no more", "open {{ and no more")]
    fn tags_within_tags_are_replaced_from_the_inside(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(keep(text).unwrap(), expected);
    }

    #[rstest]
    #[case("a {{number}} {{inner}} {{=number + 1}} {{=[number, inner]}}", "a 3 {{inner}} 4 {{=[number, inner]}}")]
    #[case("{{ number }}{{=1 + 1}}{{=number.x}}", "3{{=1 + 1}}{{=number.x}}")]
    #[case("{{outer-{{number}}}} {{item}} {{list", "{{outer-{{number}}}} {{item}} {{list")]
    #[case("{{item}}{{none}}", "{{item}}{{none}}")]
    fn tags_of_settled_variables_alone_are_replaced(#[case] text: &str, #[case] expected: &str) {
        let settled = |name: &str| ["number", "item", "none"].contains(&name);
        assert_eq!(render_settled(text, &scope(), settled), expected);
    }

    #[test]
    fn an_open_tag_is_refused() {
        assert_eq!(refuse("ab {{ cd"), Err(ExpressionError::Unclosed { offset: 3 }));
    }

    #[test]
    fn tags_are_found_with_their_places() {
        let text = "a{{ b }}{{=c + '{{'}}{{d-{{e}}}}{{f";
        let found: Vec<_> = tags(text).map(|tag| (tag.content, &text[tag.span])).collect();
        let expected = [
            (Content::Simple("b"), "{{ b }}"),
            (Content::Expression("c + '{{'"), "{{=c + '{{'}}"),
            (Content::Simple("e"), "{{e}}"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn every_string_of_a_tree_is_rendered_and_no_key() {
        let tree = json!({"{{inner}}": ["{{inner}}", 1, {"a": "x{{number}}"}], "b": null});
        let expected = json!({"{{inner}}": ["suffix", 1, {"a": "x3"}], "b": null});
        assert_eq!(render_value(&tree, &scope(), Unresolved::Refuse).unwrap(), expected);
    }

    #[test]
    fn a_memo_key_is_rendered_from_sorted_parameters() {
        let mut scope = Scope::new();
        scope.set("workflow.parameters.run_id", "2024_01_02");
        scope.set("inputs.parameters.b", "2");
        scope.set("inputs.parameters.a", "1");
        let key = r#"t-h-{{=sprig.replace("_", "-", workflow.parameters.run_id)}}-{{=sprig.trunc(16, sprig.sha256sum(toJson(inputs.parameters)))}}"#;
        // The sum is that of {"a":"1","b":"2"}.
        assert_eq!(render(key, &scope, Unresolved::Refuse).unwrap(), "t-h-2024-01-02-21f76dfbfe6dfe21");
    }

    proptest! {
        #[test]
        fn no_text_makes_rendering_panic(text in "(\\{\\{=?|\\}\\}|[ -~]|\\PC){0,60}") {
            for unresolved in [Unresolved::Keep, Unresolved::Refuse] {
                let _ = render(&text, &scope(), unresolved);
            }
            prop_assert!(tags(&text).all(|tag| text.get(tag.span).is_some()));
        }

        #[test]
        fn no_expression_makes_evaluation_panic(
            parts in prop::collection::vec("[\\[\\](){}.#?:|!<>=&*/%+,;\\- 0-9]|\\?\\?|\\?\\.|'a'|item|map|let |in |not |filter|sprig\\.[a-z]{1,8}", 0..24)
        ) {
            let _ = render(&format!("{{{{={}}}}}", parts.concat()), &scope(), Unresolved::Keep);
        }
    }
}
