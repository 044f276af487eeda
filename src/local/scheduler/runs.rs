//! What a step or task becomes: itself, one run an item, or one that only says why there is none. Pure.

use std::sync::Arc;

use serde_json::Value;

use super::arguments::view;
use super::items::{Expanded, expand, items};
use super::references::Resolved;
use crate::argo::expression::{self, Scope};
use crate::argo::model::Step;

/// Why a loop over nothing does not run.
const EMPTY: &str = "Skipped, empty params";

/// One run of a step or task.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) step: Value,
    /// Why it does not run.
    pub(super) skipped: Option<String>,
    /// In a plan: the unknown value that decides whether it runs, or how often.
    pub(super) undecided: Option<usize>,
}

impl Run {
    /// Whether it stands for a loop over nothing.
    pub(super) fn is_empty_loop(&self) -> bool {
        self.skipped.as_deref() == Some(EMPTY)
    }
}

/// The runs that a step or task becomes: itself, one an item, or one that only says why there is none.
pub(super) fn runs(document: &Value, resolved: Resolved, scope: &Arc<Scope>) -> Result<(Vec<Run>, bool), String> {
    let name = document["name"].as_str().unwrap_or_default();
    let of_step = |skipped, undecided| Run { name: name.to_owned(), step: document.clone(), skipped, undecided };
    let not_run = |why: String| of_step(Some(why), None);
    let (step, value) = match resolved {
        Resolved::Undecided(number) => return Ok((vec![of_step(None, Some(number))], false)),
        Resolved::Skip(when) => {
            let mut value = document.clone();
            value["when"] = when.clone().into();
            let step: Step = view(&value)?;
            // Argo expands a loop before it looks at its condition: each item is skipped by itself.
            if !step.expands() {
                return Ok((vec![not_run(false_condition(&when))], false));
            }
            (Box::new(step), value)
        }
        Resolved::Run(step, value) => (step, value),
    };
    if !step.expands() {
        return Ok((vec![Run { step: value, ..of_step(None, None) }], false));
    }
    let will_not_run = expression::when(&step.when).is_ok_and(|holds| !holds) && !step.when.is_empty();
    let items = match items(&step) {
        Ok(items) => items,
        Err(_) if will_not_run => Vec::new(),
        Err(why) => return Err(why),
    };
    if items.is_empty() {
        return Ok((vec![not_run(EMPTY.to_owned())], false));
    }
    let items = expand(&value, name, &items, scope, will_not_run)?;
    let run = |item: Expanded| Run { name: item.name, step: item.step, skipped: None, undecided: None };
    Ok((items.into_iter().map(run).collect(), true))
}

pub(super) fn false_condition(when: &str) -> String {
    format!("when '{when}' evaluated false")
}
