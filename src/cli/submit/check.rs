//! The check of what is submitted: documents with the flags' values in them, and what stands beside them.

use std::borrow::Cow;

use serde_json::Value;

use super::request::{Request, is_template};
use super::resume::Resumed;
use super::subject::Subject;
use crate::argo::Workflow;
use crate::argo::check::{Options, Rule, Version, check_fields};
use crate::argo::document::{Document, Kind};
use crate::argo::identity::ObjectName;
use crate::cli::check::Checked;
use crate::cli::failure::Failure;
use crate::cli::values::NamePrefix;
use crate::prepare::{Templates, open_artifacts};

impl Request<'_> {
    /// Refuses what Argo would refuse, before anything is created or run.
    pub(super) fn check(&self, templates: &Templates, live: Option<&Value>) -> Result<(), Failure> {
        if self.args.check.no_check {
            return Ok(());
        }
        self.checked(templates, live)?.verdict(&self.sources, self.args.quiet)
    }

    /// Whether it depends on the cluster's version of Argo what becomes of the documents.
    pub(super) fn depends_on_version(&self, templates: &Templates, live: Option<&Value>) -> Result<bool, Failure> {
        if self.args.check.no_check || self.args.check.argo_version.is_some() {
            return Ok(false);
        }
        let is_known_to_all = |document: &Document| {
            let options = Options { version: Some(Version::OLDEST), ..self.args.check.options(false) };
            check_fields(&document.value, document.kind, &options).iter().all(|finding| finding.rule != Rule::Version)
        };
        Ok(!self.workflows.iter().all(is_known_to_all)
            || self.checked(templates, live)?.breaks(&[Rule::Version, Rule::Limit, Rule::Required]))
    }

    fn checked<'t>(&'t self, templates: &'t Templates, live: Option<&Value>) -> Result<Checked<'t>, Failure> {
        let mut options = self.args.check.options(self.args.local);
        if let Some(definition) = self.definition {
            options.version = definition.version;
            options.full_definitions = definition.is_full;
        }
        let mut checked = Checked::new(options, templates, &self.beside);
        for (place, document) in self.workflows.iter().enumerate() {
            let object = self.with_flags(place, Cow::Borrowed(&document.value));
            if self.args.workflow.entrypoint.is_some() {
                Subject::written(document).has_entrypoint(&object, true)?;
            }
            checked.check_object(&object, Kind::Workflow, document);
        }
        if let Some(from) = &self.args.from {
            let object = self.with_flags(self.workflows.len(), Cow::Owned(self.made_from(from, live)?));
            let name = format!("the workflow from {}/{}", from.kind, from.name);
            checked.check_object(&object, Kind::Workflow, &Document::placeless(Kind::Workflow, &name));
        }
        let only_templates = self.workflows.is_empty() && self.args.from.is_none();
        for document in &self.beside {
            if only_templates && is_template(document.kind) {
                checked.check_object(&document.value, document.kind, document);
            } else {
                checked.check_fields_of(document);
            }
        }
        Ok(checked)
    }

    /// The workflow at a place with what the command line gives it, and what the run was given that it goes on from.
    fn with_flags<'w>(&self, place: usize, workflow: Cow<'w, Value>) -> Cow<'w, Value> {
        let kept = self.resumed(place).map(Resumed::artifacts).unwrap_or_default();
        let given = &self.args.workflow;
        let is_named = given.name.is_some() || given.generate_name.is_some() || given.entrypoint.is_some();
        if !is_named && kept.is_empty() && self.parameters.is_empty() && self.artifacts.is_empty() {
            return workflow;
        }
        let mut workflow = Workflow::from(workflow.into_owned());
        let kept = workflow.spec().as_object().map(|spec| open_artifacts(spec, &kept)).unwrap_or_default();
        for artifact in kept {
            workflow.set_artifact(artifact);
        }
        let name = given.name.as_ref().map(ObjectName::as_str);
        let prefix = given.generate_name.as_ref().map(|NamePrefix(prefix)| prefix.as_str());
        if name.or(prefix).is_some() {
            workflow.set_names(name, prefix);
        }
        if let Some(entrypoint) = &given.entrypoint {
            workflow.set_in_spec("entrypoint", entrypoint.as_str().into());
        }
        for (name, value) in &self.parameters {
            workflow.set_parameter(name, value);
        }
        for artifact in &self.artifacts {
            workflow.set_artifact(artifact);
        }
        Cow::Owned(workflow.into_value())
    }
}
