//! What a text refers to: the variables in its `{{…}}` and `{{=…}}` tags. Errs on the side of finding too much.

use std::collections::BTreeSet;

use super::expression;

/// The variables that a template's outcome can depend on, beside those of its own scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct References {
    /// Names of workflow parameters.
    pub(crate) parameters: BTreeSet<String>,
    /// Names of workflow labels.
    pub(crate) labels: BTreeSet<String>,
    /// Names of workflow annotations.
    pub(crate) annotations: BTreeSet<String>,
    /// Workflow variables that are the same in each attempt: namespace, service account, entrypoint, priority.
    pub(crate) constants: BTreeSet<&'static str>,
    /// Variables that differ in each attempt, such as `workflow.name`.
    pub(crate) volatile: BTreeSet<String>,
    /// All workflow parameters at once, or one whose name is computed.
    pub(crate) all_parameters: bool,
    /// All workflow labels at once, or one whose name is computed.
    pub(crate) all_labels: bool,
    /// All workflow annotations at once, or one whose name is computed.
    pub(crate) all_annotations: bool,
    /// All inputs at once, or one whose name is computed.
    pub(crate) all_inputs: bool,
    /// `workflow.outputs`: what other templates have exported.
    pub(crate) global_outputs: bool,
    /// `steps.name` or `tasks.name`: the name of the place that calls the template.
    pub(crate) call_site: bool,
    /// A variable whose whole name is computed.
    pub(crate) computed: bool,
}

/// Functions that give something else each time.
const IMPURE: [&str; 9] = [
    "now(",
    "sprig.ago(",
    "sprig.bcrypt(",
    "sprig.encryptAES(",
    "sprig.gen",
    "sprig.htpasswd(",
    "sprig.rand",
    "sprig.shuffle(",
    "sprig.uuidv4(",
];

const CONSTANTS: [&str; 4] = ["namespace", "serviceAccountName", "mainEntrypoint", "priority"];

impl References {
    /// Adds what the tags of `text` refer to.
    pub(crate) fn read_tags(&mut self, text: &str) {
        let mut rest = text;
        while let Some((_, after)) = split_at_pair(rest, '{') {
            let Some((tag, next)) = split_at_pair(after, '}') else { return };
            match tag.strip_prefix('=') {
                Some(expression) => self.read_expression(expression),
                None => self.read_simple(tag),
            }
            rest = next;
        }
    }

    /// Adds what an expression, written without braces, refers to.
    pub(crate) fn read_expression(&mut self, expression: &str) {
        for name in expression::references(expression) {
            self.add(&name.split('.').collect::<Vec<_>>(), false);
        }
        let impure = IMPURE.iter().filter(|function| expression.contains(*function));
        self.volatile.extend(impure.map(|function| (*function).to_owned()));
        // An expression can be completed by tags that are replaced before it is evaluated.
        if let Some((_, inner)) = expression.split_once("{{") {
            self.read_simple(inner.trim_end_matches('}'));
        }
    }

    /// Adds all that `other` refers to.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.parameters.extend(other.parameters.iter().cloned());
        self.labels.extend(other.labels.iter().cloned());
        self.annotations.extend(other.annotations.iter().cloned());
        self.constants.extend(&other.constants);
        self.volatile.extend(other.volatile.iter().cloned());
        self.all_parameters |= other.all_parameters;
        self.all_labels |= other.all_labels;
        self.all_annotations |= other.all_annotations;
        self.all_inputs |= other.all_inputs;
        self.global_outputs |= other.global_outputs;
        self.call_site |= other.call_site;
        self.computed |= other.computed;
    }

    fn read_simple(&mut self, tag: &str) {
        match tag.split_once("{{") {
            Some((outer, inner)) => {
                self.read_simple(inner);
                let outer = outer.trim().trim_end_matches('.');
                self.add(&outer.split('.').collect::<Vec<_>>(), true);
            }
            None => self.add(&tag.trim().split('.').collect::<Vec<_>>(), false),
        }
    }

    fn add(&mut self, path: &[&str], computed: bool) {
        match path {
            ["workflow", rest @ ..] => self.add_workflow(rest, computed),
            ["inputs"] | ["inputs", "parameters"] => self.all_inputs = true,
            ["pod" | "node", "name"] => {
                self.volatile.insert(path.join("."));
            }
            ["steps" | "tasks", "name"] => self.call_site = true,
            [""] if computed => self.computed = true,
            _ => {}
        }
    }

    fn add_workflow(&mut self, path: &[&str], computed: bool) {
        match path {
            [] => self.add_whole_workflow(),
            ["parameters"] | ["parameters", "json"] => self.all_parameters = true,
            ["labels"] | ["labels", "json"] => self.all_labels = true,
            ["annotations"] | ["annotations", "json"] => self.all_annotations = true,
            ["parameters", ..] if computed => self.all_parameters = true,
            ["labels", ..] if computed => self.all_labels = true,
            ["annotations", ..] if computed => self.all_annotations = true,
            ["parameters", name @ ..] => {
                self.parameters.insert(name.join("."));
            }
            ["labels", name @ ..] => {
                self.labels.insert(name.join("."));
            }
            ["annotations", name @ ..] => {
                self.annotations.insert(name.join("."));
            }
            ["outputs", ..] => self.global_outputs = true,
            [other, ..] => match CONSTANTS.iter().find(|constant| *constant == other) {
                Some(constant) => {
                    self.constants.insert(constant);
                }
                None => {
                    self.volatile.insert(format!("workflow.{other}"));
                }
            },
        }
    }

    fn add_whole_workflow(&mut self) {
        self.all_parameters = true;
        self.all_labels = true;
        self.all_annotations = true;
        self.global_outputs = true;
        self.constants.extend(CONSTANTS);
        self.volatile.insert("workflow".to_owned());
    }
}

/// What stands before and behind the first two braces. Most texts are short and hold none: a search for a string costs
/// more to begin than to carry out.
fn split_at_pair(text: &str, brace: char) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find(brace)?;
        let behind = &text[at + 1..];
        if let Some(rest) = behind.strip_prefix(brace) {
            return Some((&text[..at], rest));
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> References {
        let mut references = References::default();
        references.read_tags(text);
        references
    }

    #[test]
    fn names_are_read_from_simple_tags_and_expressions() {
        for text in [
            "x {{workflow.parameters.my-p}} y",
            "{{ workflow.parameters.my-p }}",
            "{{=workflow.parameters['my-p']}}",
            "{{=workflow[\"parameters\"] [ 'my-p' ] + 'workflow.name'}}",
            "{{=sprig.upper(workflow?.parameters?.[\"my-p\"])}}",
        ] {
            let references = tags(text);
            assert_eq!(references.parameters.iter().collect::<Vec<_>>(), ["my-p"], "{text}");
            assert!(references.volatile.is_empty() && !references.all_parameters, "{text}");
        }
    }

    #[test]
    fn computed_names_refer_to_everything_they_could() {
        assert!(tags("{{workflow.parameters.{{inputs.parameters.which}}}}").all_parameters);
        assert!(tags("{{=workflow.parameters[inputs.parameters.which]}}").all_parameters);
        assert!(tags("{{workflow.parameters}}").all_parameters);
        assert!(tags("{{workflow.labels.json}}").all_labels);
        assert!(tags("{{=toJson(workflow)}}").all_annotations);
        assert!(tags("{{inputs.parameters}}").all_inputs);
        assert!(tags("{{{{inputs.parameters.which}}}}").computed);
        assert!(!tags("{{=inputs.parameters['a'] + inputs.parameters.b}}").all_inputs);
    }

    #[test]
    fn what_differs_in_each_attempt_is_told_apart_from_what_does_not() {
        let references = tags("{{workflow.uid}} {{workflow.creationTimestamp.s}} {{pod.name}}");
        assert_eq!(
            references.volatile.iter().collect::<Vec<_>>(),
            ["pod.name", "workflow.creationTimestamp", "workflow.uid"]
        );
        // They count the tries of one node, from the beginning in each attempt of the run.
        assert!(tags("{{retries}} {{lastRetry.status}}").volatile.is_empty());
        let references = tags("{{workflow.namespace}} {{=workflow.priority}} {{workflow.labels.app.io/x}}");
        assert_eq!(references.constants.iter().collect::<Vec<_>>(), [&"namespace", &"priority"]);
        assert_eq!(references.labels.iter().collect::<Vec<_>>(), ["app.io/x"]);
        assert!(tags("{{workflow.outputs.parameters.x}}").global_outputs);
        assert_eq!(tags("{{=sprig.uuidv4()}}").volatile.len(), 1);
        assert!(tags("{{=tasks.name}}").call_site && !tags("{{tasks.name.outputs.result}}").call_site);
    }

    #[test]
    fn any_text_is_read_without_a_panic() {
        for text in ["{{", "{{=", "{{='", "{{=workflow[", "{{=a.?.['\\", "{{=ä.ö['ü']}}", "{{=workflow.}}", "{{=\"\\"]
        {
            tags(text);
            let mut references = References::default();
            references.read_expression(text);
        }
    }
}
