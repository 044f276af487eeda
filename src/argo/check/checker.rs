//! What a check carries along while it goes from template to template.

use hashbrown::{HashMap, HashSet};
use serde_json::Value;

use super::finding::{Finding, Holder, Rule, has_room};
use super::read::{list, text};
use super::substitute::Placeholders;
use super::{Known, Options, Severity};
use crate::argo::document::join;

/// The number of the document itself among the objects; the others are named by references.
pub(super) const DOCUMENT: usize = 0;

/// An object whose templates are looked up by name. (workflow/templateresolution/context.go, tmplBase)
pub(super) struct Base<'a> {
    pub(super) holder: Holder,
    pub(super) spec: &'a Value,
    /// Where its spec stands in it.
    pointer: &'static str,
    templates: HashMap<&'a str, usize>,
}

impl<'a> Base<'a> {
    pub(super) fn new(holder: Holder, spec: &'a Value, pointer: &'static str) -> Self {
        let mut templates = HashMap::new();
        for (index, template) in list(spec, "templates").iter().enumerate() {
            templates.entry(text(template, "name")).or_insert(index);
        }
        Self { holder, spec, pointer, templates }
    }

    /// The names of its templates.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.templates.keys().copied()
    }
}

/// A place in one of the objects.
#[derive(Debug, Clone)]
pub(super) struct At {
    /// The object, by its number.
    pub(super) base: usize,
    pub(super) pointer: String,
}

impl At {
    pub(super) fn field(&self, name: &str) -> Self {
        Self { base: self.base, pointer: join(&self.pointer, name) }
    }

    pub(super) fn index(&self, index: usize) -> Self {
        Self { base: self.base, pointer: format!("{}/{index}", self.pointer) }
    }

    /// A field of a field.
    pub(super) fn path(&self, path: &[&str]) -> Self {
        path.iter().fold(self.clone(), |at, name| at.field(name))
    }
}

pub(super) struct Checker<'a> {
    pub(super) known: Known<'a>,
    pub(super) options: &'a Options,
    pub(super) bases: Vec<Base<'a>>,
    /// What is known in the whole workflow; it grows with each output that has a global name.
    pub(super) globals: HashMap<String, String>,
    pub(super) any_global_artifact: bool,
    /// Whether a template is checked by itself: its workflow may have more parameters.
    pub(super) lenient: bool,
    /// The templates that were looked at. (validate.go, results)
    pub(super) seen: HashSet<(usize, String)>,
    /// The inline templates of other objects, by the object and the name of the call.
    pub(super) inlines: HashMap<(usize, String), (&'a Value, At)>,
    pub(super) placeholders: Placeholders,
    /// Whether what is found is only a warning, for Argo does not look there.
    pub(super) unlooked: bool,
    /// Whether a tag is open at the end of the call that is looked at.
    pub(super) left_open: bool,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(spec: &'a Value, pointer: &'static str, known: Known<'a>, options: &'a Options) -> Self {
        Self {
            known,
            options,
            bases: vec![Base::new(Holder::Document, spec, pointer)],
            globals: HashMap::new(),
            any_global_artifact: false,
            lenient: false,
            seen: HashSet::new(),
            inlines: HashMap::new(),
            placeholders: Placeholders::default(),
            unlooked: false,
            left_open: false,
            findings: Vec::new(),
        }
    }

    /// The place of an object's spec.
    pub(super) fn spec_at(&self, base: usize) -> At {
        At { base, pointer: self.bases[base].pointer.to_owned() }
    }

    /// A template of an object, with its place.
    pub(super) fn template_of(&self, base: usize, name: &str) -> Option<(&'a Value, At)> {
        let of = &self.bases[base];
        let index = *of.templates.get(name)?;
        let template = &list(of.spec, "templates")[index];
        Some((template, At { base, pointer: format!("{}/templates/{index}", of.pointer) }))
    }

    /// The number of another object, if it is known.
    pub(super) fn base(&mut self, name: &str, cluster_scope: bool) -> Option<usize> {
        let holder =
            if cluster_scope { Holder::ClusterTemplate(name.to_owned()) } else { Holder::Template(name.to_owned()) };
        if let Some(number) = self.bases.iter().position(|base| base.holder == holder) {
            return Some(number);
        }
        let spec = (self.known)(name, cluster_scope)?.get("spec")?;
        self.bases.push(Base::new(holder, spec, "/spec"));
        Some(self.bases.len() - 1)
    }

    pub(super) fn placeholder(&self) -> String {
        self.placeholders.next()
    }

    pub(super) fn error(&mut self, rule: Rule, at: &At, message: impl Into<String>) {
        self.error_with(rule, at, message, None);
    }

    pub(super) fn error_with(&mut self, rule: Rule, at: &At, message: impl Into<String>, hint: Option<String>) {
        let severity = if self.unlooked { Severity::Warning } else { Severity::Error };
        self.find(rule, severity, at, message.into(), hint);
    }

    pub(super) fn warn(&mut self, rule: Rule, at: &At, message: impl Into<String>, hint: Option<&str>) {
        self.find(rule, Severity::Warning, at, message.into(), hint.map(str::to_owned));
    }

    fn find(&mut self, rule: Rule, severity: Severity, at: &At, message: String, hint: Option<String>) {
        let holder = self.bases[at.base].holder.clone();
        let finding = Finding { rule, severity, holder, pointer: at.pointer.clone(), message, hint, fix: None };
        if has_room(&self.findings, severity) && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}
