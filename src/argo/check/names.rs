//! The names that tags may have at a place, and whether a tag has one of them.

use hashbrown::HashSet;
use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::marshal::leaves_tag_open;
use super::nearest::nearest_of_few;
use super::substitute::{holds_tag, next_tag};
use crate::argo::document::join;
use crate::argo::expression::syntax_error;

/// Tags that begin with one of these have to be known. (workflow/common/common.go, GlobalVarValidWorkflowVariablePrefix)
const ROOTS: [&str; 7] = ["item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks."];
/// What is only known when the workflow runs, by the beginning of its name. (resolveAllVariables)
const LATE: [&str; 6] = [
    "workflow.creationTimestamp",
    "workflow.scheduledTime",
    "workflow.duration",
    "tasks.name",
    "steps.name",
    "node.name",
];

/// What names of variables begin with.
const KNOWN_ROOTS: [&str; 17] = [
    "item",
    "steps",
    "inputs",
    "outputs",
    "pod",
    "workflow",
    "tasks",
    "retries",
    "lastRetry",
    "node",
    "cronworkflow",
    "status",
    "duration",
    "exitCode",
    "resourcesDuration",
    "failures",
    "io",
];

/// The names of one template's scope.
#[derive(Debug, Default, Clone)]
pub(super) struct Names {
    names: HashSet<String>,
    /// Items are made when the workflow runs: they may have any key.
    pub(super) any_item: bool,
    /// A global output has a name that is made when the workflow runs.
    pub(super) any_global_parameter: bool,
    pub(super) any_global_artifact: bool,
    /// Steps and tasks whose template is not known: they may have any output.
    unknown: Vec<String>,
}

impl Names {
    pub(super) fn add(&mut self, name: impl Into<String>) {
        self.names.insert(name.into());
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// A step or task, such as `steps.a`, whose template is not known.
    pub(super) fn add_unknown(&mut self, node: &str) {
        self.unknown.push(format!("{node}."));
    }

    fn may_have(&self, name: &str) -> bool {
        self.has(name)
            || self.unknown.iter().any(|node| name.starts_with(node))
            || self.any_item && name.starts_with("item.")
            || self.any_global_parameter && name.starts_with("workflow.outputs.parameters.")
            || self.any_global_artifact && name.starts_with("workflow.outputs.artifacts.")
    }
}

/// What is known at one place beside the template's scope.
pub(super) type Here<'h> = &'h dyn Fn(&str) -> bool;

impl Checker<'_> {
    /// Finds the tags below a value that cannot be resolved. (resolveAllVariables)
    pub(super) fn resolve(&mut self, value: &Value, at: &At, names: &Names, here: Here<'_>) {
        match value {
            Value::String(text) => self.resolve_text(text, at, names, here),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate().filter(|(_, item)| may_hold_tags(item)) {
                    self.resolve(item, &at.index(index), names, here);
                }
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    if holds_tag(key) {
                        self.resolve_text(key, &at.field(key), names, here);
                    }
                    if may_hold_tags(value) {
                        self.resolve(value, &At { base: at.base, pointer: join(&at.pointer, key) }, names, here);
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn resolve_text(&mut self, text: &str, at: &At, names: &Names, here: Here<'_>) {
        let mut rest = text;
        while let Some((_, tag, after)) = next_tag(rest) {
            rest = after;
            let name = tag.trim();
            match tag.strip_prefix('=') {
                Some(expression) => self.expression(expression, at),
                None if !self.is_known(name, names, here) => self.unresolved(name, at, names),
                None => self.unreplaced(name, at),
            }
        }
        self.unclosed(rest, at, names, here);
    }

    /// A tag that is not closed ends where the document has the next closing braces, far behind: whether Argo refuses it
    /// depends on what it takes for the name. Where there are no such braces, it always does.
    fn unclosed(&mut self, text: &str, at: &At, names: &Names, here: Here<'_>) {
        let Some((_, open)) = text.split_once("{{") else { return };
        let open = open.trim_start();
        let end = open.find(|one: char| one.is_whitespace() || one == '}').unwrap_or(open.len());
        let message = format!("`{{{{{}` is not closed with `}}}}`", &open[..end]);
        // An expression that goes on into other fields cannot be read. (expression_template.go, expressionReplaceCore)
        if open.starts_with('=') || self.left_open || !self.is_known(open, names, here) {
            self.error(Rule::Variable, at, message);
        } else if KNOWN_ROOTS.contains(&open[..end].split('.').next().unwrap_or_default()) {
            self.warn(Rule::Tag, at, message, None);
        }
    }

    /// Finds the tags of a step or task that cannot be resolved.
    pub(super) fn resolve_call(&mut self, call: &Value, at: &At, names: &Names, here: Here<'_>) {
        self.left_open = leaves_tag_open(call);
        self.resolve(call, at, names, here);
        self.left_open = false;
    }

    fn is_known(&self, name: &str, names: &Names, here: Here<'_>) -> bool {
        !ROOTS.iter().any(|root| name.starts_with(root))
            || names.may_have(name)
            || self.globals.contains_key(name)
            || self.any_global_artifact && name.starts_with("workflow.outputs.artifacts.")
            || name.starts_with("outputs.")
            || LATE.iter().any(|late| name.starts_with(late))
            || self.lenient && name.starts_with("workflow.parameters")
            || here(name)
    }

    /// A tag that names nothing of Argo's stays as it is, which is right for other tools and wrong for a misspelling.
    fn unreplaced(&mut self, name: &str, at: &At) {
        let root = name.split('.').next().unwrap_or_default();
        let is_path =
            name.contains('.') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !is_path || KNOWN_ROOTS.contains(&root) {
            return;
        }
        let near = nearest_of_few(root, KNOWN_ROOTS.into_iter());
        let hint = near.map(|near| format!("did you mean `{{{{{near}{}}}}}`?", &name[root.len()..]));
        self.warn(Rule::Tag, at, format!("Argo does not replace `{{{{{name}}}}}`"), hint.as_deref());
    }

    fn expression(&mut self, expression: &str, at: &At) {
        if let Some(why) = syntax_error(expression) {
            self.warn(Rule::Tag, at, format!("Argo does not replace an expression that it cannot read: {why}"), None);
        }
    }

    fn unresolved(&mut self, name: &str, at: &At, names: &Names) {
        let why = match name.split('.').collect::<Vec<_>>().as_slice() {
            ["inputs", "parameters", ..] => "the template declares no such input parameter",
            ["inputs", "artifacts", ..] => "the template declares no such input artifact",
            ["workflow", "parameters", ..] => "the workflow declares no such parameter",
            ["workflow", "outputs", ..] => "no template called before exports such an output",
            ["steps", step, ..] if names.has(&format!("steps.{step}.id")) => "the step has no such output",
            ["tasks", task, ..] if names.has(&format!("tasks.{task}.id")) => {
                "the task has no such output, or runs later"
            }
            ["steps", ..] => "no earlier step has this name",
            ["tasks", ..] => "no task of this dag has this name",
            ["item", ..] => "the items have no such key",
            ["pod", ..] => "the template makes no pod of its own",
            _ => "there is no such variable here",
        };
        let root = name.split('.').next().unwrap_or_default();
        let known = names.names.iter().chain(self.globals.keys()).map(String::as_str);
        let near = nearest_of_few(name, known.filter(|known| known.split('.').next() == Some(root)));
        let hint = near.map(|near| format!("did you mean `{{{{{near}}}}}`?"));
        let message = format!("`{{{{{name}}}}}` cannot be resolved: {why}");
        self.error_with(Rule::Variable, at, message, hint);
    }
}

fn may_hold_tags(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_tag(text),
        Value::Array(_) | Value::Object(_) => true,
        _ => false,
    }
}
