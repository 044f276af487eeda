//! Replaces what a step refers to: outputs of earlier steps and tasks, its template's inputs, the workflow's values.
//! Pure.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::arguments::{ABSENT, view};
use crate::argo::expression::{self, Scope, Unresolved, render, render_value, unknown};
use crate::argo::model::{Artifact, Step};

/// A step with its references replaced.
pub(super) enum Resolved {
    /// Its condition is false; the text is the condition.
    Skip(String),
    /// In a plan: whether it runs, or how often, depends on a value that is not known yet.
    Undecided(usize),
    /// To run. Tags of items are still open.
    Run(Box<Step>, Value),
}

/// The artifacts that a reference may name, by the name of their variable.
#[derive(Debug, Clone, Default)]
pub(super) struct Artifacts {
    /// Those of the template's inputs and of what has ended in it.
    pub(super) own: Arc<HashMap<String, Artifact>>,
    /// Those of the whole workflow.
    pub(super) globals: Arc<HashMap<String, Artifact>>,
}

impl Artifacts {
    fn get(&self, name: &str) -> Option<&Artifact> {
        self.own.get(name).or_else(|| self.globals.get(name))
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.own.keys().chain(self.globals.keys())
    }
}

/// Replaces the references of a step or task. `artifacts` are those in scope, by the name of their variable.
pub(super) fn resolve(value: &Value, scope: &Arc<Scope>, artifacts: &Artifacts) -> Result<Resolved, String> {
    let mut value = value.clone();
    let hooks = value.as_object_mut().and_then(|fields| fields.shift_remove("hooks"));
    let expands = view::<Step>(&value)?.expands();
    if let Some(when) = value["when"].as_str().filter(|when| !when.is_empty()) {
        let when = render(when, scope, Unresolved::KeepItems).map_err(|error| error.to_string())?;
        if let Some(number) = unknown::in_text(&when) {
            return Ok(Resolved::Undecided(number));
        }
        match expression::when(&when) {
            Ok(true) => {}
            Ok(false) => return Ok(Resolved::Skip(when)),
            // The condition may hold a tag of an item, which is replaced later.
            Err(_) if expands => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    mark_absent(&mut value, scope);
    let mut value = render_value(&value, scope, Unresolved::KeepItems).map_err(|error| error.to_string())?;
    let decisive = ["withItems", "withParam", "withSequence", "template", "templateRef"];
    if let Some(number) = decisive.iter().find_map(|field| unknown::in_value(&value[*field])) {
        return Ok(Resolved::Undecided(number));
    }
    let mut step: Step = view(&value)?;
    resolve_artifacts(&mut step.arguments.artifacts, scope, artifacts)
        .map_err(|why| format!("unable to resolve references: {why}"))?;
    replace_artifacts(&mut value, &step.arguments.artifacts);
    if let (Some(hooks), Some(fields)) = (hooks, value.as_object_mut()) {
        step.hooks = view(&hooks)?;
        fields.insert("hooks".to_owned(), hooks);
    }
    Ok(Resolved::Run(Box::new(step), value))
}

/// Replaces references among artifacts by the artifacts that they name.
pub(super) fn resolve_artifacts(
    artifacts: &mut Vec<Artifact>,
    scope: &Arc<Scope>,
    known: &Artifacts,
) -> Result<(), String> {
    let mut resolved = Vec::with_capacity(artifacts.len());
    for artifact in artifacts.drain(..) {
        if artifact.from.is_empty() && artifact.from_expression.is_empty() {
            resolved.push(artifact);
            continue;
        }
        match source(&artifact, scope, known) {
            Ok(found) => resolved.push(Artifact { name: artifact.name, optional: artifact.optional, ..found }),
            Err(_) if artifact.optional => {}
            Err(why) => return Err(why),
        }
    }
    *artifacts = resolved;
    Ok(())
}

/// The artifact that `from` or `fromExpression` names.
pub(super) fn source(artifact: &Artifact, scope: &Arc<Scope>, known: &Artifacts) -> Result<Artifact, String> {
    let mut found = if artifact.from_expression.is_empty() {
        let name = artifact.from.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
        match name.strip_prefix('=') {
            Some(expression) => by_expression(expression, scope, known)?,
            None => known.get(name).cloned().ok_or_else(|| format!("Unable to resolve: {name:?}"))?,
        }
    } else {
        by_expression(&artifact.from_expression, scope, known)?
    };
    if !artifact.sub_path.is_empty() {
        let below = render(&artifact.sub_path, scope, Unresolved::Keep).map_err(|error| error.to_string())?;
        let safe = below.split('/').all(|part| part != "..") && !below.starts_with('/');
        if !safe {
            return Err(format!("artifact {:?}: subPath {below:?} leaves the artifact", artifact.name));
        }
        found.append(&below)?;
    }
    Ok(found)
}

fn by_expression(text: &str, scope: &Arc<Scope>, known: &Artifacts) -> Result<Artifact, String> {
    let mut with_artifacts = Scope::child(scope);
    for name in known.names() {
        // The expression gives back which artifact it chose by this marker.
        with_artifacts.set(name.clone(), serde_json::json!({ "artifact": name }));
    }
    let chosen = expression::evaluate(text, &with_artifacts).map_err(|error| error.to_string())?;
    chosen["artifact"]
        .as_str()
        .and_then(|name| known.get(name).cloned())
        .ok_or_else(|| format!("expression {text:?} gives no artifact"))
}

/// Artifacts in the step's document are replaced too, since items are expanded from it.
fn replace_artifacts(step: &mut Value, artifacts: &[Artifact]) {
    if let Some(list) = step.pointer_mut("/arguments/artifacts") {
        *list = Value::Array(artifacts.iter().map(Artifact::document).collect());
    }
}

/// Marks the arguments that are nothing but a reference to an output of a step that did not run.
/// (workflow/controller/scope.go, markAbsentOptionalArgs)
pub(super) fn mark_absent(step: &mut Value, scope: &Scope) {
    let parameters = step.pointer_mut("/arguments/parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let text = parameter["value"].as_str().unwrap_or_default();
        let name = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}")).map(str::trim);
        if name.is_some_and(|name| scope.get(name).is_some_and(Value::is_null)) {
            parameter["value"] = ABSENT.into();
        }
    }
}
