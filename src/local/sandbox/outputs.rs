//! Saves what a task gives, from inside of its view.

use super::ground::Ground;
use crate::local::artifact;
use crate::local::task::{Outcome, Task};

/// Saves what there is, as Argo does whatever the exit code; a failure of the program outranks a missing output.
pub(super) fn save(task: &Task, ground: &Ground, outcome: &mut Outcome) {
    let mut errors = Vec::new();
    for output in &task.output_parameters {
        match artifact::parameter(&ground.root, output) {
            Ok(value) => {
                outcome.parameters.insert(output.name.clone(), value);
            }
            Err(error) => {
                errors.push(error.to_string());
                break;
            }
        }
    }
    for (output, store) in task.output_artifacts.iter().zip(&ground.stores) {
        match store.save(&ground.root, &output.name, &output.path) {
            Ok(()) => outcome.artifacts.push(output.name.clone()),
            Err(error) if error.is_missing() && output.optional => {}
            Err(error) => errors.push(error.to_string()),
        }
    }
    if outcome.error.is_none() && outcome.exit_code == Some(0) && !errors.is_empty() {
        outcome.error = Some(errors.join("; "));
    }
}
