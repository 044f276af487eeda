//! Reads the templates of a workflow and all that they call, each once, and resolves their calls.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::catalogue::Templates;
use super::graph::{Edge, Node};
use super::template_scan::{Place, Survey};
use crate::argo::call::{Target, TemplateReference, handlers};
use crate::argo::template::{Template, list, text};
use crate::argo::workflow_spec::{entrypoint, templates};

/// The nodes of a graph with their edges.
pub(super) struct Built<'a> {
    /// Those of the workflow itself come first, in their order.
    pub(super) nodes: Vec<Node<'a>>,
    /// How many of the nodes stand in the workflow itself.
    pub(super) local: usize,
    pub(super) entrypoint: Option<usize>,
    /// The exit handler and the hooks of the workflow.
    pub(super) handlers: Vec<usize>,
}

impl<'a> Built<'a> {
    pub(super) fn of(spec: &'a Value, known: &'a Templates, namespace: Option<&'a str>) -> Self {
        let mut builder = Builder {
            known,
            namespace,
            frame: Frame::of(spec),
            nodes: Vec::new(),
            scopes: Vec::new(),
            index: HashMap::new(),
            objects: HashMap::new(),
            pending: VecDeque::new(),
        };
        templates(spec).for_each(|template| builder.insert(0, template));
        let local = builder.nodes.len();
        builder.connect();
        let entrypoint = builder.index.get(&(0, entrypoint(spec))).copied();
        let handlers = handlers(spec).filter_map(|target| builder.resolve(0, target).ok().flatten()).collect();
        builder.connect();
        Self { nodes: builder.nodes, local, entrypoint, handlers }
    }
}

/// The object that a template stands in: 0 is the workflow, the others are numbered as they are met.
type Scope = usize;

struct Builder<'a> {
    known: &'a Templates,
    namespace: Option<&'a str>,
    frame: Frame<'a>,
    nodes: Vec<Node<'a>>,
    scopes: Vec<Scope>,
    index: HashMap<(Scope, &'a str), usize>,
    objects: HashMap<(&'a str, bool), Option<Scope>>,
    pending: VecDeque<usize>,
}

/// What stands outside a template and takes part in its pods.
struct Frame<'a> {
    shared: Survey,
    volumes: HashMap<&'a str, &'a Value>,
}

impl<'a> Frame<'a> {
    fn of(spec: &'a Value) -> Self {
        let mut shared = Survey::default();
        for (field, place) in [("templateDefaults", Place::Template), ("podSpecPatch", Place::Other)] {
            shared.read(spec.get(field).unwrap_or(&Value::Null), place);
        }
        let volumes = list(spec.get("volumes")).iter().map(|volume| (text(volume, "name"), volume)).collect();
        Self { shared, volumes }
    }

    /// Reads a template with the parts of the spec that its pods are made of.
    fn survey(&self, template: Template<'_>) -> Survey {
        let mut survey = Survey::of(template.value(), Place::Template);
        survey.extend(&self.shared);
        for name in survey.mounts.clone() {
            if let Some(volume) = self.volumes.get(name.as_str()) {
                survey.read(volume, Place::Other);
            }
        }
        survey
    }
}

impl<'a> Builder<'a> {
    fn insert(&mut self, scope: Scope, template: Template<'a>) {
        let node = self.nodes.len();
        self.index.entry((scope, template.name())).or_insert(node);
        let mut survey = self.frame.survey(template);
        let digest = survey.digest();
        self.nodes.push(Node { template, survey, edges: Vec::new(), unknown: None, digest });
        self.scopes.push(scope);
        self.pending.push_back(node);
    }

    /// Resolves the calls of all nodes that wait for it; nodes that come to light join the queue.
    fn connect(&mut self) {
        while let Some(node) = self.pending.pop_front() {
            for call in self.nodes[node].template.calls() {
                match self.resolve(self.scopes[node], call.target) {
                    Ok(Some(to)) => {
                        let result = !call.handler && self.nodes[node].reads_result(call.name);
                        let edge = Edge { to, call: call.name, looped: call.looped, handler: call.handler, result };
                        self.nodes[node].edges.push(edge);
                    }
                    Ok(None) => {}
                    Err(unknown) => self.nodes[node].unknown = Some(unknown),
                }
            }
        }
    }

    /// The node that a call names: none for an inline template, an error for a template that is not known.
    fn resolve(&mut self, scope: Scope, target: Target<'a>) -> Result<Option<usize>, String> {
        match target {
            Target::Inline(_) => Ok(None),
            Target::Local(name) => self.index.get(&(scope, name)).copied().map(Some).ok_or_else(|| name.to_owned()),
            Target::Reference(reference) => self
                .object(reference)
                .and_then(|scope| self.index.get(&(scope, reference.template)).copied())
                .map(Some)
                .ok_or_else(|| format!("{}/{}", reference.name, reference.template)),
        }
    }

    /// The scope of an object; its templates are read when it is first met.
    fn object(&mut self, reference: TemplateReference<'a>) -> Option<Scope> {
        let identity = (reference.name, reference.cluster_scope);
        if let Some(scope) = self.objects.get(&identity) {
            return *scope;
        }
        let document = self.known.find(reference.name, reference.cluster_scope, self.namespace);
        let scope = document.map(|_| self.objects.len() + 1);
        self.objects.insert(identity, scope);
        let spec = document?.get("spec")?;
        templates(spec).for_each(|template| self.insert(self.objects.len(), template));
        scope
    }
}

impl Node<'_> {
    /// Whether the template reads the result of its step or task of that name.
    fn reads_result(&self, call: &str) -> bool {
        let results = &self.survey.results;
        let read = |group: &str| results.contains(&format!("{group}.{call}"));
        // An inline template may be of the other type and is searched with the template it stands in.
        !results.is_empty() && (read("steps") || read("tasks"))
    }
}
