//! The graph of a document that has not run: every call from the entrypoint on, nested templates as groups.

use std::collections::HashMap;

use serde_json::Value;

use super::graph::{Graph, GraphBox, Group};
use crate::argo::call::{CallSite, Target};
use crate::argo::expression::depends;
use crate::argo::template::{Template, TemplateType, field, list, text};
use crate::argo::{Workflow, workflow_spec};

/// The maximum number of boxes.
const MAX_BOXES: usize = 2000;
/// Longer conditions are cut.
const MAX_NOTE: usize = 60;

/// The boxes with which a call begins, and those with which it ends.
type Ends = (Vec<usize>, Vec<usize>);

impl Graph {
    /// Draws documents; templates of other objects are looked up in `others`.
    pub(crate) fn of_documents(documents: &[&Value], others: &[&Value]) -> Self {
        let mut drawing = Drawing { graph: Self::default(), others, open: Vec::new() };
        for document in documents {
            let several = documents.len() > 1;
            let group = several.then(|| drawing.group(Workflow::view(document).name().to_owned(), None));
            drawing.document(document, group);
        }
        drawing.graph
    }
}

struct Drawing<'a> {
    graph: Graph,
    others: &'a [&'a Value],
    /// The templates that are being drawn, by their addresses, the innermost last.
    open: Vec<*const Value>,
}

/// The spec of an object; that of a CronWorkflow is within its own.
fn spec(document: &Value) -> &Value {
    let spec = Workflow::view(document).spec();
    field(spec, "workflowSpec").unwrap_or(spec)
}

impl<'a> Drawing<'a> {
    fn document(&mut self, document: &'a Value, group: Option<usize>) {
        let own = spec(document);
        let referenced = field(own, "workflowTemplateRef").and_then(|reference| self.object(text(reference, "name")));
        let spec_of = |wanted: &dyn Fn(&Value) -> bool| {
            [Some(own), referenced.map(spec)].into_iter().flatten().find(|spec| wanted(spec))
        };
        let Some(home) = spec_of(&|spec| !workflow_spec::entrypoint(spec).is_empty()) else {
            // A WorkflowTemplate without an entrypoint is a library: each of its templates stands alone.
            for template in workflow_spec::templates(own) {
                self.template(template.name(), template, own, group, "");
            }
            return;
        };
        let entrypoint = workflow_spec::entrypoint(home);
        let specs: Vec<&Value> = [Some(own), referenced.map(spec)].into_iter().flatten().collect();
        let found = specs.iter().find_map(|spec| Some((template_of(spec, entrypoint)?, *spec)));
        match found {
            Some((template, spec)) => {
                self.template(entrypoint, template, spec, group, "");
            }
            None => {
                self.leaf(entrypoint, entrypoint, "not in these files", group);
            }
        }
        let on_exit = text(own, "onExit");
        if let Some(template) = template_of(own, on_exit) {
            self.template("onExit", template, own, group, "when the workflow ends");
        }
    }

    fn object(&self, name: &str) -> Option<&'a Value> {
        self.others.iter().copied().find(|other| Workflow::view(other).name() == name)
    }

    fn group(&mut self, name: String, within: Option<usize>) -> usize {
        self.graph.groups.push(Group { name, within });
        self.graph.groups.len() - 1
    }

    fn leaf(&mut self, name: &str, template: &str, note: &str, group: Option<usize>) -> Ends {
        if self.graph.boxes.len() >= MAX_BOXES {
            self.graph.left_out += 1;
            return (Vec::new(), Vec::new());
        }
        self.graph.boxes.push(GraphBox {
            name: name.to_owned(),
            template: template.to_owned(),
            note: note.to_owned(),
            group,
            ..GraphBox::default()
        });
        let place = self.graph.boxes.len() - 1;
        (vec![place], vec![place])
    }

    fn template(
        &mut self,
        name: &str,
        template: Template<'a>,
        home: &'a Value,
        group: Option<usize>,
        note: &str,
    ) -> Ends {
        let kind = template.template_type();
        let address = std::ptr::from_ref(template.value());
        if !kind.is_some_and(TemplateType::is_nested) || template.sites().next().is_none() {
            let suspends = (kind == Some(TemplateType::Suspend)).then_some("waits for resume");
            let notes: Vec<&str> = [note].into_iter().chain(suspends).filter(|note| !note.is_empty()).collect();
            return self.leaf(name, template.name(), &notes.join(", "), group);
        }
        if self.open.contains(&address) {
            return self.leaf(name, template.name(), "begins again", group);
        }
        if self.graph.boxes.len() >= MAX_BOXES {
            self.graph.left_out += 1;
            return (Vec::new(), Vec::new());
        }

        self.open.push(address);
        let titles = [name, template.name(), note];
        let mut title: Vec<&str> = titles.into_iter().filter(|part| !part.is_empty()).collect();
        title.dedup();
        let inner = Some(self.group(title.join(": "), group));
        let ends = if kind == Some(TemplateType::Dag) {
            self.dag(template, home, inner)
        } else {
            self.steps(template, home, inner)
        };
        self.open.pop();
        ends
    }

    fn steps(&mut self, template: Template<'a>, home: &'a Value, group: Option<usize>) -> Ends {
        let mut sites: Vec<CallSite<'a>> = template.sites().collect();
        sites.sort_by_key(|site| site.group);
        let (mut firsts, mut before): Ends = (Vec::new(), Vec::new());
        for parallel in sites.chunk_by(|left, right| left.group == right.group) {
            let mut lasts = Vec::new();
            for site in parallel {
                let (first, last) = self.call(*site, home, group);
                self.connect(&before, &first);
                if before.is_empty() {
                    firsts.extend(first);
                }
                lasts.extend(last);
            }
            if !lasts.is_empty() {
                before = lasts;
            }
        }
        (firsts, before)
    }

    fn dag(&mut self, template: Template<'a>, home: &'a Value, group: Option<usize>) -> Ends {
        let mut of_task: HashMap<&str, Ends> = HashMap::new();
        let tasks: Vec<CallSite<'a>> = template.sites().collect();
        for site in &tasks {
            let ends = self.call(*site, home, group);
            of_task.insert(site.name(), ends);
        }
        let mut firsts = Vec::new();
        let mut is_last: HashMap<&str, bool> = tasks.iter().map(|site| (site.name(), true)).collect();
        for site in &tasks {
            let needed = needed(site.value);
            let known: Vec<&String> = needed.iter().filter(|name| of_task.contains_key(name.as_str())).collect();
            for name in &known {
                let before = of_task[name.as_str()].1.clone();
                let first = of_task[site.name()].0.clone();
                self.connect(&before, &first);
                if let Some(last) = is_last.get_mut(name.as_str()) {
                    *last = false;
                }
            }
            if known.is_empty() {
                firsts.extend(&of_task[site.name()].0);
            }
        }
        let lasts = tasks.iter().filter(|site| is_last[site.name()]).flat_map(|site| of_task[site.name()].1.clone());
        (firsts, lasts.collect())
    }

    fn connect(&mut self, from: &[usize], to: &[usize]) {
        for &from in from {
            self.graph.arrows.extend(to.iter().map(|&to| (from, to)));
        }
    }

    fn call(&mut self, site: CallSite<'a>, home: &'a Value, group: Option<usize>) -> Ends {
        let mut notes = Vec::new();
        if site.expands() {
            notes.push("for each item".to_owned());
        }
        let condition: String = text(site.value, "when").chars().take(MAX_NOTE).collect();
        if !condition.is_empty() {
            notes.push(format!("when {condition}"));
        }
        let note = notes.join(", ");
        match site.target() {
            Some(Target::Inline(template)) => self.template(site.name(), template, home, group, &note),
            Some(Target::Local(name)) => match template_of(home, name) {
                Some(template) => self.template(site.name(), template, home, group, &note),
                None => self.leaf(site.name(), name, &note, group),
            },
            Some(Target::Reference(reference)) => {
                let object = self.object(reference.name);
                let found =
                    object.and_then(|object| Some((template_of(spec(object), reference.template)?, spec(object))));
                match found {
                    Some((template, home)) => self.template(site.name(), template, home, group, &note),
                    None => self.leaf(site.name(), &format!("{}/{}", reference.name, reference.template), &note, group),
                }
            }
            None => self.leaf(site.name(), "", &note, group),
        }
    }
}

fn template_of<'a>(spec: &'a Value, name: &str) -> Option<Template<'a>> {
    workflow_spec::templates(spec).find(|template| !name.is_empty() && template.name() == name)
}

/// The tasks that a task comes after.
fn needed(task: &Value) -> Vec<String> {
    let depends = text(task, "depends");
    if !depends.is_empty() {
        let parsed = depends::parse(depends);
        return parsed.map(|parsed| parsed.tasks().into_iter().map(str::to_owned).collect()).unwrap_or_default();
    }
    list(field(task, "dependencies")).iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arrows(graph: &Graph) -> Vec<(String, String)> {
        let name = |place: usize| graph.boxes[place].name.clone();
        graph.arrows.iter().map(|&(from, to)| (name(from), name(to))).collect()
    }

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn nested_templates_are_groups_between_what_is_around_them() {
        let document = json!({"kind": "Workflow", "metadata": {"name": "w"}, "spec": {"entrypoint": "main", "onExit": "work", "templates": [
            {"name": "main", "dag": {"tasks": [
                {"name": "a", "template": "work"},
                {"name": "b", "template": "inner", "depends": "a.Succeeded && !x", "withItems": [1]},
                {"name": "c", "templateRef": {"name": "shared", "template": "save"}, "dependencies": ["b"], "when": "1 == 1"},
            ]}},
            {"name": "inner", "steps": [[{"name": "one", "template": "work"}, {"name": "two", "template": "inner"}], [{"name": "last", "template": "work"}]]},
            {"name": "work", "container": {}},
        ]}});
        let shared = json!({"kind": "WorkflowTemplate", "metadata": {"name": "shared"}, "spec": {"templates": [{"name": "save", "suspend": {}}]}});
        let graph = Graph::of_documents(&[&document], &[&shared]);
        let names: Vec<&str> = graph.boxes.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "one", "two", "last", "c", "onExit"]);
        assert_eq!(
            arrows(&graph),
            [pair("a", "one"), pair("a", "two"), pair("one", "last"), pair("two", "last"), pair("last", "c")]
        );
        let groups: Vec<(&str, Option<usize>)> =
            graph.groups.iter().map(|group| (group.name.as_str(), group.within)).collect();
        assert_eq!(groups, [("main", None), ("b: inner: for each item", Some(0))]);
        assert_eq!((graph.boxes[2].note.as_str(), graph.boxes[2].group), ("begins again", Some(1)));
        assert_eq!(graph.boxes[4].note, "when 1 == 1, waits for resume");
    }

    #[test]
    fn what_is_malformed_or_not_there_is_drawn_as_far_as_it_goes() {
        for odd in [json!(null), json!({"spec": {"templates": 7}}), json!({"spec": {"entrypoint": "gone"}})] {
            let graph = Graph::of_documents(&[&odd], &[]);
            assert!(graph.boxes.len() <= 1, "{odd}");
        }
    }
}
