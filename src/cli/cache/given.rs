//! Documents that the user gives, to tell which entries their templates can still produce.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::argo::document::Kind;
use crate::cache::Provenance;
use crate::cli::failure::Failure;
use crate::cli::{files, generate};
use crate::prepare::{Options, Templates, prepare, prepare_template};

/// Takes the templates of the files, prepared as submit prepares them: from then on they alone count.
pub(super) fn add_given(provenance: &mut Provenance, paths: &[PathBuf]) -> Result<(), Failure> {
    let documents = files::documents(paths, false)?;
    let mut templates = Templates::default();
    for document in &documents {
        if matches!(document.kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate) {
            templates.insert(document.value.clone());
        }
    }
    let options = Options::new(generate::run_id(Timestamp::now())?, generate::cache_name());
    for document in documents {
        let prepared = match document.kind {
            Kind::Workflow => prepare(document.value, &templates, &options)?,
            Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate => {
                prepare_template(document.value, &templates, &options)?
            }
            _ => continue,
        };
        provenance.add_given(&prepared.workflow["spec"]);
    }
    Ok(())
}
