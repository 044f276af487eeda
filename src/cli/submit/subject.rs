//! One workflow that is to be submitted: what is wrong with it is said with its place in its file.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::check::nearest_of_few;
use crate::argo::document::Document;
use crate::argo::identity::{IdentityError, ObjectName, RunId};
use crate::argo::metadata::{self, GENERATE_NAME_POINTER, Metadata, NAME_POINTER};
use crate::argo::template::Template;
use crate::argo::workflow_spec;
use crate::cli::failure::Failure;
use crate::cli::generate;
use crate::output::stream::talk;
use crate::prepare::{
    Options, PrepareError, Prepared, RUN_PARAMETERS, Templates, missing_parameters, prepare, prepare_template,
};

/// What to do about an object that is not in the files.
pub(super) const GIVE_OR_ASK: &str =
    "give the file that holds it, or leave --local and --dry-run=client out to ask the cluster";

/// What to do about templates that stand in another object.
const BY_REFERENCE: &str = "use --inline; where the controller accepts only references (templateReferencing Strict or Secure), write the \
                            isolation into the template with bundle bake";

/// A workflow, or a template that is prepared by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The object as it was written or made.
    pub(super) object: &'a Value,
    /// The document that holds it; none for one that `--from` made.
    pub(super) document: Option<&'a Document>,
}

impl<'a> Subject<'a> {
    pub(super) fn written(document: &'a Document) -> Self {
        Self { object: &document.value, document: Some(document) }
    }

    /// The workflow as it is to be created.
    pub(super) fn prepared(self, templates: &Templates, options: &Options) -> Result<Prepared, Failure> {
        let prepared = prepare(self.object.clone(), templates, options).map_err(|error| self.refusal(error))?;
        self.has_entrypoint(&prepared.workflow, options.entrypoint.is_some())?;
        has_values(&prepared.workflow, templates)?;
        Ok(prepared)
    }

    /// The template as it would serve workflows.
    pub(super) fn prepared_template(self, templates: &Templates, options: &Options) -> Result<Prepared, Failure> {
        prepare_template(self.object.clone(), templates, options).map_err(|error| self.refusal(error))
    }

    /// The name that the document gives, or one with its prefix.
    pub(super) fn name(self) -> Result<ObjectName, Failure> {
        let metadata = Metadata::of(self.object);
        let name = Some(metadata.name()).filter(|name| !name.is_empty());
        let illegal = |pointer: &'static str| move |error: IdentityError| self.fault(pointer, &error.to_string());
        match (name, metadata.generate_name()) {
            (Some(name), _) => name.parse().map_err(illegal(NAME_POINTER)),
            (None, Some(prefix)) => generate::name(prefix).map_err(illegal(GENERATE_NAME_POINTER)),
            (None, None) => Err(self
                .fault(metadata::POINTER, "the workflow has no name")
                .hint("give it metadata.generateName, or use --name or --generate-name")),
        }
    }

    /// Refuses to begin with a template that is not there; those of a referenced object are the cluster's to know.
    pub(super) fn has_entrypoint(self, workflow: &Value, by_flag: bool) -> Result<(), Failure> {
        let run = Workflow::view(workflow);
        let (entrypoint, names): (&str, Vec<&str>) = (run.entrypoint(), run.templates().map(Template::name).collect());
        let is_known = entrypoint.is_empty() || names.contains(&entrypoint);
        if is_known || run.is_by_reference() {
            return Ok(());
        }

        let failure = if by_flag {
            self.no_entrypoint(entrypoint)
        } else {
            self.fault(workflow_spec::ENTRYPOINT_POINTER, &format!("there is no template {entrypoint:?}"))
        };
        let near = nearest_of_few(entrypoint, names.iter().copied());
        let near = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
        Err(failure.hint(format!("{near}its templates are {}", names.join(", "))))
    }

    fn no_entrypoint(self, entrypoint: &str) -> Failure {
        let metadata = Metadata::of(self.object);
        let name = Some(metadata.name()).filter(|name| !name.is_empty()).or(metadata.generate_name());
        let name = name.map(|name| format!(" in workflow {name:?}")).unwrap_or_default();
        Failure::usage(format!("--entrypoint: there is no template {entrypoint:?}{name}"))
    }

    /// A parameter that nobody declares is Argo's to take, and mostly a slip.
    pub(super) fn tell_undeclared(self, options: &Options) {
        if Workflow::view(self.object).is_by_reference() {
            return;
        }
        let declared = workflow_spec::parameters(&self.object["spec"]);
        let is_declared = |name: &str| declared.iter().any(|parameter| parameter["name"] == name);
        let given: BTreeSet<&str> = options.parameters.iter().map(|(name, _)| name.as_str()).collect();
        let workflow = options.name.as_ref().map(ObjectName::as_str).unwrap_or_default();
        for name in given.into_iter().filter(|name| !is_declared(name) && !RUN_PARAMETERS.contains(name)) {
            let names = declared.iter().filter_map(|parameter| parameter["name"].as_str());
            let near = nearest_of_few(name, names).map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
            talk(format_args!("warning: workflow {workflow:?} declares no parameter {name:?}{near}; it is added"));
        }
    }

    /// Why it cannot be prepared, with the place of the field or else of the document. The fault of a flag has none.
    fn refusal(self, error: PrepareError) -> Failure {
        match &error {
            PrepareError::Form { field, .. } => self.fault(&pointer(field), &error.to_string()),
            PrepareError::RunId(_) => match self.run_id() {
                Some(place) => self.fault(&workflow_spec::parameter_pointer(place), &error.to_string()),
                None => error.into(),
            },
            PrepareError::TwoRunIds { .. } => error.into(),
            PrepareError::OneLock { .. } => Failure::from(error).hint("take one of them, or update Argo"),
            PrepareError::LockWithinItself { .. } => {
                self.fault("", &error.to_string()).hint("give the template or the workflow another lock")
            }
            PrepareError::IsolationByReference { .. } => Failure::from(error).hint(BY_REFERENCE),
            PrepareError::TreeOfOnePod => Failure::from(error).hint("use --isolate pvc or claim:NAME, or --tree call"),
            PrepareError::VolumeTaken { .. } | PrepareError::MountTaken { .. } => self
                .fault("", &error.to_string())
                .hint("rename the volume, use another --work-dir, or leave the template out with --isolate-template"),
            PrepareError::UnknownTemplate { .. } => Failure::from(error).hint(GIVE_OR_ASK),
            _ => self.fault("", &error.to_string()),
        }
    }

    /// Which of its parameters is an illegal run id; none when the command line gave it.
    fn run_id(self) -> Option<usize> {
        let parameters = workflow_spec::parameters(&self.object["spec"]);
        let is_illegal = |value: &Value| value.as_str().is_none_or(|text| text.parse::<RunId>().is_err());
        parameters
            .iter()
            .position(|parameter| parameter["name"] == RUN_PARAMETERS[0] && is_illegal(&parameter["value"]))
    }

    fn fault(self, pointer: &str, why: &str) -> Failure {
        match self.document {
            Some(document) => Failure::usage(document.problem(pointer, why).to_string()),
            None => Failure::usage(why),
        }
    }
}

/// Refuses parameters without a value, which a controller would not start with.
fn has_values(workflow: &Value, templates: &Templates) -> Result<(), Failure> {
    let missing = missing_parameters(workflow, templates);
    if missing.is_empty() {
        return Ok(());
    }
    let give: Vec<String> = missing.iter().map(|name| format!("-p {name}=VALUE")).collect();
    Err(Failure::usage(format!("workflow {:?} needs a value for {}", name(workflow), missing.join(", ")))
        .hint(format!("add {}", give.join(" "))))
}

fn name(workflow: &Value) -> &str {
    Workflow::view(workflow).name()
}

/// A field's path such as `spec.templates[0].name` as a JSON pointer.
fn pointer(field: &str) -> String {
    let steps = field.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty());
    steps.flat_map(|step| ["/", step]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_pointer() {
        assert_eq!(pointer("spec.templates[0].container.env"), "/spec/templates/0/container/env");
        assert_eq!(pointer("spec"), "/spec");
    }
}
