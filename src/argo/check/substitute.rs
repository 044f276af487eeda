//! Puts values and placeholders in the place of tags, as Argo does before it looks at a template.
//! (workflow/common/util.go, ProcessArgs and SubstituteParams)

use std::cell::Cell;

use hashbrown::HashMap;
use serde_json::Value;

use crate::argo::expression::{Scope, Unresolved, render};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";
/// What stands for a value that is not known yet. (util/template/placeholder.go)
const PLACEHOLDER: &str = "__argo__internal__placeholder-";

/// Gives every unknown value a text of its own.
#[derive(Debug, Default)]
pub(super) struct Placeholders(Cell<usize>);

impl Placeholders {
    pub(super) fn next(&self) -> String {
        let number = self.0.replace(self.0.get() + 1);
        format!("{PLACEHOLDER}{number}")
    }
}

/// Whether a text has a placeholder in it. (util/template/placeholder.go, IsPlaceholder)
pub(super) fn is_placeholder(text: &str) -> bool {
    text.starts_with(PLACEHOLDER)
}

pub(super) fn has_placeholder(text: &str) -> bool {
    text.contains(PLACEHOLDER)
}

/// A step's name with its placeholders as letters. (workflow/validate/validate.go, isValidStepName)
pub(super) fn without_placeholders(text: &str) -> String {
    let mut parts = text.split(PLACEHOLDER);
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        name.push('x');
        name.push_str(part.trim_start_matches(|one: char| one.is_ascii_digit()));
    }
    name
}

/// The values of one template.
pub(super) struct Values<'v> {
    /// What is known in the whole workflow.
    pub(super) globals: &'v HashMap<String, String>,
    /// What is known in the template beside its inputs: `pod.name`, `retries`.
    pub(super) locals: HashMap<String, String>,
    /// Its inputs and the paths of its artifacts.
    pub(super) inputs: HashMap<String, String>,
}

impl Values<'_> {
    /// The text with globals and locals in it.
    pub(super) fn outer(&self, text: &str) -> String {
        pass(text, &|name| self.locals.get(name).or_else(|| self.globals.get(name)).map(String::as_str), || {
            scope(self.globals.iter().chain(&self.locals))
        })
    }

    fn whole(&self, text: &str) -> String {
        let known =
            |name: &str| self.inputs.get(name).or_else(|| self.locals.get(name)).or_else(|| self.globals.get(name));
        pass(&self.outer(text), &|name| known(name).map(String::as_str), || {
            scope(self.globals.iter().chain(&self.locals).chain(&self.inputs))
        })
    }

    /// Replaces the tags of every text below a value.
    pub(super) fn substitute(&self, value: &mut Value) {
        match value {
            Value::String(text) if holds_tag(text) => *text = self.whole(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.substitute(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.substitute(field)),
            _ => {}
        }
    }
}

fn scope<'v>(values: impl Iterator<Item = (&'v String, &'v String)>) -> Scope {
    let mut scope = Scope::new();
    values.for_each(|(name, value)| scope.set(name.clone(), value.clone()));
    scope
}

/// One pass over a text. (util/template/simple_template.go, simpleReplaceStrict) An expression that cannot be evaluated
/// with placeholders stays. (util/template/expression_template.go, expressionReplaceCore)
fn pass<'v>(text: &str, known: &dyn Fn(&str) -> Option<&'v str>, scope: impl Fn() -> Scope) -> String {
    if !holds_tag(text) {
        return text.to_owned();
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag, after)) = next_tag(rest) {
        replaced.push_str(before);
        if tag.starts_with('=') {
            let written = &rest[before.len()..rest.len() - after.len()];
            replaced.push_str(&render(written, &scope(), Unresolved::Keep).unwrap_or_else(|_| written.to_owned()));
        } else if let Some(value) = known(tag.trim()) {
            replaced.push_str(value);
        } else if let Some((outer, value)) = tag
            .rsplit_once(OPEN)
            .filter(|(outer, _)| !outer.is_empty())
            .and_then(|(outer, inner)| Some((outer, known(inner)?)))
        {
            replaced.push_str(OPEN);
            replaced.push_str(outer);
            replaced.push_str(value);
        } else {
            replaced.push_str(&rest[before.len()..rest.len() - after.len()]);
        }
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

/// Whether a text may hold a tag. Most hold no brace at all, which is found sooner than two of them.
pub(super) fn holds_tag(text: &str) -> bool {
    text.contains('{') && text.contains(OPEN)
}

/// What stands before a tag, in it and after it; a tag ends with the first closing braces. (fasttemplate)
pub(super) fn next_tag(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find(OPEN)?;
    let inner = start + OPEN.len();
    let end = inner + text[inner..].find(CLOSE)?;
    Some((&text[..start], &text[inner..end], &text[end + CLOSE.len()..]))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("{{workflow.parameters.a}}", "1")]
    #[case("{{ inputs.parameters.b }}-{{pod.name}}", "2-p")]
    #[case("{{inputs.parameters.{{workflow.parameters.name}}}}", "2")]
    #[case("{{inputs.parameters.none}} {{=inputs.parameters.b + 'x'}}", "{{inputs.parameters.none}} 2x")]
    #[case("{{=nope}} {{ .Values.x }} {{", "{{=nope}} {{ .Values.x }} {{")]
    fn known_tags_are_replaced_and_others_stay(#[case] text: &str, #[case] expected: &str) {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let globals: HashMap<String, String> =
            map(&[("workflow.parameters.a", "1"), ("workflow.parameters.name", "b")]);
        let values = Values {
            globals: &globals,
            locals: map(&[("pod.name", "p")]),
            inputs: map(&[("inputs.parameters.b", "2")]),
        };
        let mut value = Value::from(text);
        values.substitute(&mut value);
        assert_eq!(value, expected);
    }

    #[test]
    fn a_placeholder_in_a_name_is_a_letter() {
        let placeholders = Placeholders::default();
        let name = format!("run-{}-{}", placeholders.next(), placeholders.next());
        assert_eq!(without_placeholders(&name), "run-x-x");
        assert_ne!(placeholders.next(), placeholders.next());
        assert!(has_placeholder(&name) && !is_placeholder(&name) && is_placeholder(&placeholders.next()));
    }
}
