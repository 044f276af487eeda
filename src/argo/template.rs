//! Templates: typed views over a workflow's value, and who calls whom. Must never copy or drop a field.

use serde_json::Value;

/// What a template does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TemplateType {
    /// Runs a container.
    Container,
    /// Runs containers that share a pod.
    ContainerSet,
    /// Calls templates by their dependencies.
    Dag,
    /// Lists and transforms artifacts.
    Data,
    /// Sends a request.
    Http,
    /// Is run by an executor plugin.
    Plugin,
    /// Creates, changes or deletes a Kubernetes object.
    Resource,
    /// Runs a script in a container.
    Script,
    /// Calls templates in groups.
    Steps,
    /// Waits.
    Suspend,
}

/// The field of a template that makes it the type beside it.
const TYPES: [(&str, TemplateType); 10] = [
    ("container", TemplateType::Container),
    ("containerSet", TemplateType::ContainerSet),
    ("dag", TemplateType::Dag),
    ("data", TemplateType::Data),
    ("http", TemplateType::Http),
    ("plugin", TemplateType::Plugin),
    ("resource", TemplateType::Resource),
    ("script", TemplateType::Script),
    ("steps", TemplateType::Steps),
    ("suspend", TemplateType::Suspend),
];

impl TemplateType {
    /// Whether the template calls others and has no work of its own.
    pub(crate) fn is_nested(self) -> bool {
        matches!(self, Self::Dag | Self::Steps)
    }
}

/// A view of one template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template<'a>(&'a Value);

impl<'a> Template<'a> {
    /// Reads `value` as a template; what it lacks is absent, never an error.
    pub(crate) fn new(value: &'a Value) -> Self {
        Self(value)
    }

    /// The template as it was written.
    pub(crate) fn value(self) -> &'a Value {
        self.0
    }

    /// Its name; empty for an inline one.
    pub(crate) fn name(self) -> &'a str {
        text(self.0, "name")
    }

    /// Its type; none when it has no known one.
    pub(crate) fn template_type(self) -> Option<TemplateType> {
        let fields = self.0.as_object()?.iter().filter(|(_, value)| !value.is_null());
        fields.filter_map(|(field, _)| TYPES.iter().find(|(name, _)| name == field)).map(|(_, kind)| *kind).next()
    }

    /// Whether it keeps running beside the steps that follow it.
    pub(crate) fn is_daemon(self) -> bool {
        field(self.0, "daemon").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Its input parameters as they were written.
    pub(crate) fn input_parameters(self) -> &'a [Value] {
        list(at(self.0, &["inputs", "parameters"]))
    }

    /// Its input artifacts as they were written.
    pub(crate) fn input_artifacts(self) -> &'a [Value] {
        list(at(self.0, &["inputs", "artifacts"]))
    }

    /// Every call it makes, in the order written: steps or tasks, those of its inline templates, and their handlers.
    pub(crate) fn calls(self) -> Vec<Call<'a>> {
        let mut calls = Vec::new();
        self.collect_calls(&mut calls);
        calls
    }

    fn collect_calls(self, calls: &mut Vec<Call<'a>>) {
        self.sites().for_each(|site| Call::collect(site, calls));
    }

    /// Its own steps or tasks, in the order written.
    pub(crate) fn sites(self) -> impl Iterator<Item = Site<'a>> {
        let groups = list(field(self.0, "steps")).iter().enumerate();
        let steps = groups.flat_map(|(group, steps)| {
            let steps = match steps {
                Value::Array(steps) => steps.as_slice(),
                single => std::slice::from_ref(single),
            };
            steps.iter().map(move |value| Site { value, group: Some(group) })
        });
        let tasks = list(at(self.0, &["dag", "tasks"])).iter();
        steps.chain(tasks.map(|value| Site { value, group: None }))
    }
}

/// A step or a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) value: &'a Value,
    /// The number of its group, if it is a step.
    pub(crate) group: Option<usize>,
}

impl<'a> Site<'a> {
    pub(crate) fn name(self) -> &'a str {
        text(self.value, "name")
    }

    /// What it calls; none where nothing is named.
    pub(crate) fn target(self) -> Option<Target<'a>> {
        Target::of(self.value)
    }

    /// The template that is written in it.
    pub(crate) fn inline(self) -> Option<Template<'a>> {
        match self.target() {
            Some(Target::Inline(template)) => Some(template),
            _ => None,
        }
    }

    /// Whether it becomes one run an item.
    pub(crate) fn expands(self) -> bool {
        ["withItems", "withParam", "withSequence"].iter().any(|name| !absent(field(self.value, name)))
    }

    /// The name of its node below that of the template's: `[0].a` or `.a`.
    pub(crate) fn node_suffix(self) -> String {
        match self.group {
            Some(group) => format!("[{group}].{}", self.name()),
            None => format!(".{}", self.name()),
        }
    }
}

/// One place that calls a template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The name of the step or task.
    pub name: &'a str,
    /// What is called.
    pub target: Target<'a>,
    /// Whether it is called once per item.
    pub looped: bool,
    /// Whether it is a lifecycle hook or exit handler of the step or task.
    pub handler: bool,
}

/// What a call names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// A template of the same document.
    Local(&'a str),
    /// A template of another object.
    Reference(TemplateReference<'a>),
    /// A template written at the call.
    Inline(Template<'a>),
}

/// A template of a WorkflowTemplate or ClusterWorkflowTemplate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TemplateReference<'a> {
    /// The object's name.
    pub name: &'a str,
    /// The template's name in it.
    pub template: &'a str,
    /// Whether the object is a ClusterWorkflowTemplate.
    pub cluster_scope: bool,
}

impl<'a> Call<'a> {
    fn collect(site: Site<'a>, calls: &mut Vec<Self>) {
        let (name, looped) = (site.name(), site.expands());
        if let Some(target) = site.target() {
            calls.push(Self { name, target, looped, handler: false });
            if let Target::Inline(inline) = target {
                let first = calls.len();
                inline.collect_calls(calls);
                calls[first..].iter_mut().for_each(|call| call.looped |= looped);
            }
        }
        calls.extend(handlers(site.value).map(|target| Self { name, target, looped, handler: true }));
    }
}

impl<'a> Target<'a> {
    fn of(site: &'a Value) -> Option<Self> {
        if let Some(inline) = field(site, "inline").filter(|inline| inline.is_object()) {
            return Some(Self::Inline(Template::new(inline)));
        }
        if let Some(reference) = field(site, "templateRef").filter(|reference| reference.is_object()) {
            return Some(Self::Reference(TemplateReference {
                name: text(reference, "name"),
                template: text(reference, "template"),
                cluster_scope: reference.get("clusterScope").and_then(Value::as_bool).unwrap_or(false),
            }));
        }
        match text(site, "template") {
            "" => None,
            name => Some(Self::Local(name)),
        }
    }
}

/// What runs when `holder` (a spec, a step or a task) starts, changes or ends: `onExit` and `hooks`.
pub(crate) fn handlers(holder: &Value) -> impl Iterator<Item = Target<'_>> {
    let on_exit = field(holder, "onExit").and_then(Value::as_str).filter(|name| !name.is_empty()).map(Target::Local);
    let hooks = field(holder, "hooks").and_then(Value::as_object);
    on_exit.into_iter().chain(hooks.into_iter().flat_map(|hooks| hooks.values()).filter_map(Target::of))
}

/// The templates of a workflow, and of what it was made from.
pub(crate) fn of_workflow(workflow: &Value) -> impl Iterator<Item = &Value> {
    let specs = ["/spec", "/status/storedWorkflowTemplateSpec"].into_iter();
    specs.filter_map(|spec| workflow.pointer(spec)).flat_map(|spec| list(spec.get("templates")))
}

/// The templates of a workflow's spec.
pub(crate) fn templates(spec: &Value) -> impl Iterator<Item = Template<'_>> {
    list(spec.get("templates")).iter().map(Template::new)
}

/// An object whose templates a document uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ObjectReference {
    /// The object's name.
    pub name: String,
    /// Whether the object is a ClusterWorkflowTemplate.
    pub cluster_scope: bool,
    /// Whether the workflow is made from it (`workflowTemplateRef`), rather than calling one of its templates.
    pub whole: bool,
}

/// The objects that a document refers to, in the order they are named.
pub(crate) fn references(document: &Value) -> Vec<ObjectReference> {
    let Some(spec) = document.get("spec") else { return Vec::new() };
    let whole =
        spec.get("workflowTemplateRef").filter(|reference| reference.is_object()).map(|reference| ObjectReference {
            name: text(reference, "name").to_owned(),
            cluster_scope: reference.get("clusterScope").and_then(Value::as_bool).unwrap_or(false),
            whole: true,
        });
    let called = templates(spec).flat_map(|template| template.calls().into_iter().map(|call| call.target));
    let called = called.chain(handlers(spec)).filter_map(|target| match target {
        Target::Reference(TemplateReference { name, cluster_scope, .. }) => {
            Some(ObjectReference { name: name.to_owned(), cluster_scope, whole: false })
        }
        Target::Local(_) | Target::Inline(_) => None,
    });
    whole.into_iter().chain(called).collect()
}

/// A list that may be absent.
pub(crate) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// So many names are compared faster than one is hashed.
const FEW: usize = 16;

/// A field that may be absent. Most objects of a document have few.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value.as_object()? {
        fields if fields.len() > FEW => fields.get(name),
        fields => fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value),
    }
}

/// A field to be changed, if it is there.
pub(crate) fn field_mut<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    match value.as_object_mut()? {
        fields if fields.len() > FEW => fields.get_mut(name),
        fields => fields.iter_mut().find(|(field, _)| *field == name).map(|(_, value)| value),
    }
}

/// What stands at a path of fields, if anything.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| field(value, name))
}

/// A text field that may be absent; then it is empty.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    field(value, name).and_then(Value::as_str).unwrap_or_default()
}

fn absent(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn locals(calls: &[Call<'_>]) -> Vec<(String, String, bool, bool)> {
        calls
            .iter()
            .map(|call| {
                let target = match call.target {
                    Target::Local(name) => name.to_owned(),
                    Target::Reference(reference) => format!("{}/{}", reference.name, reference.template),
                    Target::Inline(_) => "inline".to_owned(),
                };
                (call.name.to_owned(), target, call.looped, call.handler)
            })
            .collect()
    }

    #[test]
    fn calls_are_found_in_steps_tasks_inline_templates_and_hooks() {
        let steps = json!({"steps": [[{"name": "a", "template": "x", "onExit": "bye"}], [
            {"name": "b", "templateRef": {"name": "w", "template": "t"}, "withItems": [1]},
            {"name": "c", "inline": {"dag": {"tasks": [{"name": "d", "template": "y"}]}}, "withParam": "[]"},
        ]]});
        assert_eq!(
            locals(&Template::new(&steps).calls()),
            [
                ("a".into(), "x".into(), false, false),
                ("a".into(), "bye".into(), false, true),
                ("b".into(), "w/t".into(), true, false),
                ("c".into(), "inline".into(), true, false),
                ("d".into(), "y".into(), true, false),
            ]
        );
        let dag = json!({"dag": {"tasks": [{"name": "a", "template": "x", "hooks": {"exit": {"template": "h"}}}]}});
        assert_eq!(
            locals(&Template::new(&dag).calls()),
            [("a".into(), "x".into(), false, false), ("a".into(), "h".into(), false, true)]
        );
    }

    #[test]
    fn a_template_of_any_shape_is_read_without_an_error() {
        for odd in [json!(null), json!([]), json!({"steps": 3, "dag": "x"}), json!({"steps": [null, [null, 1]]})] {
            assert!(Template::new(&odd).calls().is_empty());
            assert_eq!(Template::new(&odd).name(), "");
        }
        assert_eq!(Template::new(&json!({"suspend": {}})).template_type(), Some(TemplateType::Suspend));
        assert_eq!(
            Template::new(&json!({"container": null, "script": {}})).template_type(),
            Some(TemplateType::Script)
        );
    }
}
