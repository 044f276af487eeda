//! The documents that a run is retried with: an edited workflow, and what stands beside it.

use std::path::PathBuf;

use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::check;
use crate::argo::document::{Document, Kind, Source};
use crate::backend::Run;
use crate::cli::check::{Checked, set_parameters};
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::prepare::Templates;

/// What the files hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Edited {
    /// The workflow to go on with; none where it stays as it is.
    pub(super) workflow: Option<Document>,
    /// What stands beside it.
    pub(super) beside: Vec<Document>,
    /// The texts of the documents.
    sources: Vec<Source>,
}

impl Edited {
    pub(super) fn read(files: &[PathBuf], quiet: bool) -> Result<Self, Failure> {
        let (documents, sources) = files::with_sources(files, quiet)?;
        let (mut workflows, beside): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|document| document.kind == Kind::Workflow);
        if beside.iter().any(|document| document.kind == Kind::CronWorkflow) {
            return Err(Failure::usage("a run is retried with a Workflow, and the files hold a CronWorkflow"));
        }
        if workflows.len() > 1 {
            let count = workflows.len();
            return Err(Failure::usage(format!("a run is retried with one workflow, and the files hold {count}")));
        }
        Ok(Self { workflow: workflows.pop(), beside, sources })
    }

    /// Whether there are any.
    pub(super) fn is_given(&self) -> bool {
        self.workflow.is_some() || !self.beside.is_empty()
    }

    /// Adds what stood beside a local run when it was submitted, where the files given now do not take its place.
    pub(super) fn keep_beside(&mut self, run: &Run, quiet: bool) -> Result<(), Failure> {
        let is_new = |old: &Document| self.beside.iter().all(|new| (new.kind, new.name()) != (old.kind, old.name()));
        let kept: Vec<Document> = files::beside(run, quiet)?.into_iter().filter(is_new).collect();
        self.beside.extend(kept);
        Ok(())
    }

    pub(super) fn templates(&self) -> Templates {
        self.beside.iter().map(|document| document.value.clone()).collect()
    }

    /// Refuses an edited workflow that Argo would refuse. Its parameters have the values of the live one, then these.
    pub(super) fn check(
        &self,
        options: check::Options,
        live: &Workflow,
        parameters: &[(String, String)],
        quiet: bool,
    ) -> Result<(), Failure> {
        let templates = self.templates();
        let options = check::Options { may_lack_values: true, ..options };
        let mut checked = Checked::new(options, &templates, &self.beside);
        if let Some(document) = &self.workflow {
            let mut object: Value = document.value.clone();
            set_parameters(&mut object, live.own_values().into_iter().chain(parameters.iter().cloned()));
            Workflow::view_mut(&mut object).keep_artifacts(live);
            checked.check_object(&object, Kind::Workflow, document);
        }
        for document in &self.beside {
            checked.check_fields_of(document);
        }
        checked.verdict(&self.sources, quiet)
    }
}
