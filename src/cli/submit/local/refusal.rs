//! Whether this machine can do what a workflow asks for; what it cannot do is named with its place.

use super::LocalRuns;
use crate::argo::document::{Document, Kind};
use crate::argo::workflow_spec;
use crate::cli::failure::Failure;
use crate::local::resolved::Plan;
use crate::local::support;
use crate::output::stream::talk;

/// Reports what is ignored, and refuses what would change the result.
pub(super) fn check(runs: &LocalRuns<'_>, plan: &Plan) -> Result<(), Failure> {
    let support = support::survey(plan);
    let mut refused: Vec<String> = support.refused.iter().map(|refusal| explained(runs, plan, refusal)).collect();
    for (program, template) in &support.image_programs {
        if !on_path(program) {
            refused.push(format!(
                "template {template:?}: its container has no command, and no program {program:?} on the PATH stands in for the image"
            ));
        }
    }
    if !refused.is_empty() {
        let message = format!("workflow {} cannot run on this machine", plan.name());
        return Err(Failure::usage(format!("{message}\n  {}", refused.join("\n  "))));
    }
    if !runs.quiet && !support.passed_over.is_empty() {
        let fields: Vec<&str> = support.passed_over.iter().map(String::as_str).collect();
        talk(format_args!("note: ignored in local runs: {}", fields.join(", ")));
    }
    Ok(())
}

/// A refusal with the place of its field, in the file that holds it.
fn explained(runs: &LocalRuns<'_>, plan: &Plan, refusal: &support::Refusal) -> String {
    let holder = match refusal.scope.split_once(' ') {
        None => runs.workflows.iter().find(|document| belongs(document, plan)),
        Some((_, name)) => {
            let name = name.trim_matches('"');
            let kind = if refusal.scope.starts_with("cluster") {
                Kind::ClusterWorkflowTemplate
            } else {
                Kind::WorkflowTemplate
            };
            runs.beside.iter().find(|document| document.kind == kind && document.name() == Some(name))
        }
    };
    // Without a place in a file: the workflow was made by --from, or merged with its template.
    let merged = holder.is_some_and(|document| document.value.pointer("/spec/workflowTemplateRef").is_some());
    match holder.filter(|_| !merged) {
        Some(document) => document.problem(&refusal.pointer, refusal.why.clone()).to_string(),
        None => {
            format!("{}: {}: {}", refusal.scope, refusal.pointer.trim_start_matches('/').replace('/', "."), refusal.why)
        }
    }
}

fn belongs(document: &Document, plan: &Plan) -> bool {
    match (document.name(), document.generate_name()) {
        (Some(name), _) if name == plan.name() => true,
        (_, Some(prefix)) if plan.name().starts_with(prefix) => true,
        // The name was given on the command line.
        _ => workflow_spec::entrypoint(&document.value["spec"]) == workflow_spec::entrypoint(&plan.spec),
    }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
