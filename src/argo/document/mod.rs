//! Argo documents: YAML or JSON text to values that keep unknown fields and their order, and back.
//!
//! Text is read the way `kubectl` and `argo` read it: YAML 1.1 scalars, the last of two equal keys, aliases and `<<`
//! applied in the order they stand. Every field remembers its line and column, so that whoever finds something wrong
//! later can say where. Must never open a file: the caller hands over the bytes and their name.

mod emit;
mod error;
mod map;
mod place;
mod read;
mod reader;
mod scalar;
mod shape;

use std::sync::Arc;

use serde_json::Value;

#[cfg(test)]
pub(crate) use emit::to_yaml;
pub(crate) use emit::to_yaml_documents;
pub(crate) use error::{DocumentError, Problem, Severity};
pub(crate) use map::parse_map;
use place::Places;
pub(crate) use place::{Place, join, shortened};
pub(crate) use scalar::any_string;
pub(crate) use shape::found;

/// The largest text that is read.
pub(crate) const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The most values one text may hold, those made by aliases included.
pub(crate) const MAX_VALUES: usize = 3_000_000;
/// How deep lists and objects may stand inside each other.
pub(crate) const MAX_DEPTH: usize = 120;

/// A text and where it comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// A path, or `standard input`.
    pub name: String,
    /// The text as it was read.
    pub text: Vec<u8>,
}

/// What a text holds.
#[derive(Debug)]
pub struct Parsed {
    /// Its documents, those of a `List` one by one.
    pub documents: Vec<Document>,
    /// What is legal and probably not meant: equal keys, misspelt fields.
    pub(crate) warnings: Vec<Problem>,
}

/// The kinds of document this product understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `argoproj.io/v1alpha1` Workflow.
    Workflow,
    /// `argoproj.io/v1alpha1` WorkflowTemplate.
    WorkflowTemplate,
    /// `argoproj.io/v1alpha1` ClusterWorkflowTemplate.
    ClusterWorkflowTemplate,
    /// `argoproj.io/v1alpha1` CronWorkflow.
    CronWorkflow,
    /// `v1` ConfigMap.
    ConfigMap,
    /// `v1` Secret.
    Secret,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Self; 6] = [
        Self::Workflow,
        Self::WorkflowTemplate,
        Self::ClusterWorkflowTemplate,
        Self::CronWorkflow,
        Self::ConfigMap,
        Self::Secret,
    ];

    /// The kind as a document spells it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Workflow => "Workflow",
            Self::WorkflowTemplate => "WorkflowTemplate",
            Self::ClusterWorkflowTemplate => "ClusterWorkflowTemplate",
            Self::CronWorkflow => "CronWorkflow",
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    /// The apiVersion its documents carry.
    pub(crate) const fn api_version(self) -> &'static str {
        match self {
            Self::ConfigMap | Self::Secret => "v1",
            _ => "argoproj.io/v1alpha1",
        }
    }

    /// Where the workflow's spec stands in a document of this kind, as a JSON pointer.
    pub(crate) const fn workflow_spec(self) -> Option<&'static str> {
        match self {
            Self::Workflow | Self::WorkflowTemplate | Self::ClusterWorkflowTemplate => Some("/spec"),
            Self::CronWorkflow => Some("/spec/workflowSpec"),
            Self::ConfigMap | Self::Secret => None,
        }
    }
}

/// One Kubernetes object, as it was written.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its kind.
    pub kind: Kind,
    /// All of it; free to be edited, places then go by what was read.
    pub value: Value,
    source: Arc<str>,
    places: Places,
    /// Its text holds a Secret, maybe another document's: no lines are shown.
    secret: bool,
}

impl Document {
    /// A document of which only its kind and what it is called are known, to say of a field where it stands.
    pub(crate) fn placeless(kind: Kind, source: &str) -> Self {
        Self {
            secret: kind == Kind::Secret,
            kind,
            value: Value::Null,
            source: source.into(),
            places: Places::default(),
        }
    }

    fn new(value: Value, source: Arc<str>, places: Places) -> Result<Self, Box<Problem>> {
        match shape::kind(&value) {
            Ok(kind) => Ok(Self { secret: kind == Kind::Secret, kind, value, source, places }),
            Err((pointer, message)) => {
                Err(Box::new(Problem::at(&source, places.nearest(&value, &pointer), &pointer, message)))
            }
        }
    }

    /// `metadata.name`, unless it is empty.
    pub fn name(&self) -> Option<&str> {
        self.metadata("name")
    }

    /// `metadata.generateName`, unless it is empty.
    pub(crate) fn generate_name(&self) -> Option<&str> {
        self.metadata("generateName")
    }

    /// `metadata.namespace`, unless it is empty.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.metadata("namespace")
    }

    /// Where a field stands: the place of its key, or of the list item. The nearest field around it stands in for one
    /// that was not written. None for a document that has no text.
    pub(crate) fn place(&self, pointer: &str) -> Option<Place> {
        self.places.nearest(&self.value, pointer)
    }

    /// A problem of one field (a JSON pointer), with its place.
    pub(crate) fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        let problem = Problem::at(&self.source, self.place(pointer), pointer, message.into());
        if self.secret { problem.without_snippet() } else { problem }
    }

    fn metadata(&self, field: &str) -> Option<&str> {
        self.value.get("metadata")?.get(field)?.as_str().filter(|text| !text.is_empty())
    }
}

/// Reads a text: its documents, of a kind that is known and otherwise unchecked.
pub fn parse(source: &Source) -> Result<Parsed, DocumentError> {
    let name: Arc<str> = source.name.as_str().into();
    let text = read::text(&name, &source.text)?;
    let read::Stream { roots, mut warnings } = read::stream(&name, text)?;
    if roots.is_empty() {
        return Err(DocumentError::Empty { name });
    }
    let secret = read::may_be_secret(text);
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    let mut foreign = Vec::new();
    for (value, places) in roots.into_iter().flat_map(|(value, places)| unlist(value, places)) {
        match Document::new(value, Arc::clone(&name), places) {
            Ok(mut document) => {
                document.secret |= secret;
                documents.push(document);
            }
            Err(problem) if problem.field == "kind" => foreign.push(*problem),
            Err(problem) if secret => problems.push(problem.without_snippet()),
            Err(problem) => problems.push(*problem),
        }
    }
    // Beside documents that are understood, an object of another kind is none of ours.
    if documents.is_empty() {
        problems.extend(foreign);
    } else {
        warnings.extend(foreign.into_iter().map(|problem| problem.with_hint("it is ignored")));
    }
    if problems.is_empty() { Ok(Parsed { documents, warnings }) } else { Err(DocumentError::Invalid { problems }) }
}

fn unlist(mut value: Value, places: Places) -> Vec<(Value, Places)> {
    let of_list = |value: &Value| {
        let item = value["kind"].as_str()?.strip_suffix("List")?;
        (item.is_empty() || Kind::ALL.iter().any(|one| one.as_str() == item))
            .then(|| (item.to_owned(), value["apiVersion"].clone()))
    };
    let item = of_list(&value);
    match (item, value.get_mut("items")) {
        (Some((kind, version)), Some(Value::Array(items))) => {
            items.iter_mut().filter(|_| !kind.is_empty()).for_each(|item| complete(item, &kind, &version));
            let list = places.child("items");
            let places = list.items();
            std::mem::take(items).into_iter().zip(places.chain(std::iter::repeat_with(Places::default))).collect()
        }
        _ => vec![(value, places)],
    }
}

/// Gives an item of a list of one kind that kind, as kubectl does where an API server has left it out.
fn complete(item: &mut Value, kind: &str, version: &Value) {
    if let Value::Object(fields) = item
        && ["kind", "apiVersion"].iter().all(|field| !fields.contains_key(*field))
    {
        fields.shift_insert(0, "apiVersion".to_owned(), version.clone());
        fields.shift_insert(1, "kind".to_owned(), kind.into());
    }
}

#[cfg(test)]
mod tests;
