//! Names of things, and the arguments of calls. (validateArguments, validateWorkflowFieldNames)

use hashbrown::HashSet;
use serde_json::Value;

use super::artifacts::has_location_or_key;
use super::checker::{At, Checker};
use super::finding::Rule;
use super::read::{get, items, list, named, scalar, text};

/// The longest name of a template, step or task. (workflowFieldMaxLength)
const MAX_NAME: usize = 128;

impl Checker<'_> {
    /// Names of templates, tasks or containers: legal and different.
    pub(super) fn field_names(&mut self, holders: &[Value], what: &str, at: &At) {
        self.names(holders, what, at, Self::field_name);
    }

    /// Names of parameters or artifacts: legal and different.
    pub(super) fn parameter_names(&mut self, holders: &[Value], at: &At) {
        let what = if at.pointer.ends_with("artifacts") { "artifact" } else { "parameter" };
        self.names(holders, what, at, Self::parameter_name);
    }

    fn names(&mut self, holders: &[Value], what: &str, at: &At, check: fn(&mut Self, &str, &At)) {
        let mut seen = HashSet::new();
        for (index, holder) in holders.iter().enumerate() {
            let place = at.index(index);
            let name = text(holder, "name");
            if name.is_empty() {
                self.error(Rule::Name, &place, format!("this {what} has no name"));
                continue;
            }
            check(self, name, &place.field("name"));
            if !seen.insert(name) {
                self.error(Rule::Name, &place.field("name"), format!("two {what}s are named `{name}`"));
            }
        }
    }

    /// (isValidWorkflowFieldName)
    pub(super) fn field_name(&mut self, name: &str, at: &At) {
        if name.len() > MAX_NAME {
            self.error(
                Rule::Name,
                at,
                format!("a name has at most {MAX_NAME} characters, this one has {}", name.len()),
            );
        }
        let legal = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !name.starts_with('-');
        if !legal {
            let hint = name.contains('_').then(|| format!("write `{}`", name.replace('_', "-")));
            let message =
                format!("`{name}` is no legal name: expected letters, digits and `-`, not beginning with `-`");
            self.error_with(Rule::Name, at, message, hint);
        }
    }

    /// (isValidParamOrArtifactName)
    pub(super) fn parameter_name(&mut self, name: &str, at: &At) {
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            let hint = name.contains('.').then(|| format!("write `{}`", name.replace('.', "-")));
            let message = format!("`{name}` is no legal name: expected letters, digits, `-` and `_`");
            self.error_with(Rule::Name, at, message, hint);
        }
    }

    /// The arguments of a call, or of the workflow where `may_lack_values`. (validateArguments)
    pub(super) fn arguments(&mut self, arguments: &Value, at: &At, may_lack_values: bool) {
        let parameters = list(arguments, "parameters");
        self.parameter_names(parameters, &at.field("parameters"));
        self.parameter_names(list(arguments, "artifacts"), &at.field("artifacts"));
        for (index, parameter) in parameters.iter().enumerate() {
            self.argument(parameter, &at.field("parameters").index(index), may_lack_values);
        }
        for (index, artifact) in list(arguments, "artifacts").iter().enumerate() {
            let place = at.field("artifacts").index(index);
            let from = text(artifact, "from");
            if from.is_empty() && !has_location_or_key(artifact) {
                let message = format!("artifact `{}` needs `from`, a location or a key", text(artifact, "name"));
                self.error(Rule::Argument, &place, message);
            }
            if !from.is_empty() && !text(artifact, "fromExpression").is_empty() {
                self.error(
                    Rule::Argument,
                    &place.field("fromExpression"),
                    "`from` and `fromExpression` exclude each other",
                );
            }
        }
    }

    /// (validateArgumentsValues)
    fn argument(&mut self, parameter: &Value, at: &At, may_lack_values: bool) {
        let name = text(parameter, "name");
        let value = scalar(parameter, "value");
        match get(parameter, "valueFrom") {
            None if value.is_none() && !may_lack_values => {
                let hint = match get(parameter, "default") {
                    Some(_) => Some("`default` is for inputs: write `value`".to_owned()),
                    None if self.options.completes && at.pointer.starts_with("/spec/arguments/") => {
                        Some(format!("add -p {name}=VALUE"))
                    }
                    None => None,
                };
                self.error_with(
                    Rule::Argument,
                    at,
                    format!("parameter `{name}` has neither `value` nor `valueFrom`"),
                    hint,
                );
            }
            None => {}
            Some(from) => {
                let place = at.field("valueFrom");
                let sources = ["configMapKeyRef", "event", "supplied"];
                let has = |field: &&str| get(from, field).is_some_and(|value| value.as_str() != Some(""));
                let foreign = ["path", "jsonPath", "parameter", "expression"].into_iter().find(|field| has(field));
                if let Some(foreign) = foreign {
                    let message = format!(
                        "`{foreign}` is for outputs: an argument's valueFrom has configMapKeyRef, event or supplied"
                    );
                    self.error(Rule::Argument, &place.field(foreign), message);
                } else if !sources.iter().any(has) {
                    self.error(
                        Rule::Argument,
                        &place,
                        "an argument's valueFrom has configMapKeyRef, event or supplied",
                    );
                }
            }
        }
        self.enumerated(parameter, value.as_deref(), at, may_lack_values);
    }

    /// A value is one of its enum.
    fn enumerated(&mut self, parameter: &Value, value: Option<&str>, at: &At, may_lack_values: bool) {
        let Some(Value::Array(words)) = get(parameter, "enum") else { return };
        let name = text(parameter, "name");
        let words: Vec<String> =
            words.iter().map(|word| crate::argo::document::any_string(word).unwrap_or_default()).collect();
        match value {
            _ if words.is_empty() => self.error(Rule::Value, &at.field("enum"), "an enum has at least one value"),
            None if may_lack_values => {}
            None => self.error(Rule::Value, at, format!("parameter `{name}` has an enum and no `value`")),
            Some(value) if words.iter().any(|word| word == value) => {}
            Some(value) => {
                let message =
                    format!("`{value}` is not in the enum of parameter `{name}`: expected one of {}", words.join(", "));
                self.error(Rule::Value, &at.field("value"), message);
            }
        }
    }

    /// Arguments that the template does not take do nothing. Argo says nothing of them.
    pub(super) fn given(&mut self, call: &Value, template: &Value, place: &At) {
        for side in ["parameters", "artifacts"] {
            let declared = items(template, &["inputs", side]);
            for (index, argument) in items(call, &["arguments", side]).iter().enumerate() {
                let name = text(argument, "name");
                if !name.is_empty() && named(declared, name).is_none() {
                    let near = super::nearest::nearest_of_few(name, declared.iter().map(|input| text(input, "name")));
                    let hint = near.map(|near| format!("did you mean `{near}`?"));
                    let at = place.path(&["arguments", side]).index(index).field("name");
                    let called = match text(template, "name") {
                        "" => "the inline template".to_owned(),
                        template => format!("template `{template}`"),
                    };
                    self.warn(Rule::UnusedArgument, &at, format!("{called} has no input `{name}`"), hint.as_deref());
                }
            }
        }
    }
}
