//! What this machine cannot do of what a workflow asks for, each with its place.

use super::new_run::{NewRunError, Source};
use super::resolved::Resolved;
use super::runtime::Runtime;
use super::support;
use crate::argo::Workflow;
use crate::argo::document::{Document, Kind};
use crate::argo::workflow_spec;
use crate::cache::environment_has_credentials;

/// Refuses what would change the result; gives the fields that are ignored.
pub(super) fn check(
    source: Source<'_>,
    plan: &Resolved,
    runtime: Option<&Runtime>,
) -> Result<Vec<String>, NewRunError> {
    let support = support::survey(plan);
    let mut refused: Vec<String> = support.refused.iter().map(|refusal| explained(source, plan, refusal)).collect();
    for (program, template) in &support.image_programs {
        if !on_path(program) {
            refused.push(format!(
                "template {template:?}: its container has no command, and no program {program:?} on the PATH stands in for the image"
            ));
        }
    }
    if let Some(runtime) = runtime {
        let had = support.images.iter().map(|wanted| runtime.have(wanted));
        refused.extend(had.filter_map(Result::err).map(|error| error.to_string()));
    }
    if support.uses_git && !on_path("git") {
        refused.push("artifacts come from git, and no program \"git\" is on the PATH".to_owned());
    }
    let unknown = support.unknown_secrets.iter().filter(|(kind, _)| !environment_has_credentials(*kind));
    refused.extend(unknown.map(|(_, refusal)| explained(source, plan, refusal)));
    refused
        .extend(support.unknown_stubs.iter().map(|name| format!("--stub {name}: no template or node has this name")));
    if refused.is_empty() {
        Ok(support.passed_over.into_iter().collect())
    } else {
        Err(NewRunError::Unsupported { name: plan.name().to_owned(), refused: refused.join("\n  ") })
    }
}

/// A refusal with the place of its field, in the file that holds it.
fn explained(source: Source<'_>, plan: &Resolved, refusal: &support::Refusal) -> String {
    let holder = match refusal.scope.split_once(' ') {
        None => source.workflows.iter().find(|document| is_source(document, plan)),
        Some((_, name)) => {
            let name = name.trim_matches('"');
            let kind = if refusal.scope.starts_with("cluster") {
                Kind::ClusterWorkflowTemplate
            } else {
                Kind::WorkflowTemplate
            };
            source.beside.iter().find(|document| document.kind == kind && document.name() == Some(name))
        }
    };
    // Without a place in a file: the workflow was made by --from, or merged with its template.
    let merged = holder.is_some_and(|document| Workflow::view(&document.value).is_by_reference());
    match holder.filter(|_| !merged) {
        Some(document) => document.problem(&refusal.pointer, refusal.why.clone()).to_string(),
        None => {
            format!("{}: {}: {}", refusal.scope, refusal.pointer.trim_start_matches('/').replace('/', "."), refusal.why)
        }
    }
}

/// Whether the workflow was made from the document.
fn is_source(document: &Document, plan: &Resolved) -> bool {
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
