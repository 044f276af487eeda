//! The identity of the next attempt: the run's id stays, the number counts on and is never given twice.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::refusal::Refusal;
use crate::argo::Workflow;
use crate::argo::identity::{IdentityError, NAME_SUFFIX_LENGTH, ObjectName, RunId};
use crate::prepare::Options;

/// The attempt that a retry makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The run's id over all attempts; none when the workflow was not prepared.
    pub(crate) run_id: Option<RunId>,
    /// The number of the attempt: 2 for the first retry.
    pub(crate) number: u32,
    /// What the name is made of beside the number: the run's id, else the uid of the workflow that is retried.
    of: String,
    /// Names of workflows of other runs.
    taken: BTreeSet<String>,
}

impl Attempt {
    /// The parameters by which a program tells a retry; none for a workflow that was not prepared.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        self.run_id.as_ref().map(|run_id| of_attempt(run_id, self.number)).into_iter().flatten().collect()
    }

    /// What prepare is asked for, with the run of the attempt; one that had no id takes the generated one.
    pub(crate) fn options(&self, options: Options) -> Options {
        let run_id = self.run_id.clone().unwrap_or_else(|| options.generated_run_id.clone());
        let mut parameters = options.parameters;
        parameters.extend(of_attempt(&run_id, self.number));
        Options { run_id: Some(run_id), parameters, ..options }
    }

    /// The name of the workflow. Whoever else makes the same attempt gives it the same name, so that the place where
    /// runs are kept lets only one of them have it.
    pub(crate) fn name(&self, prefix: &str) -> Result<ObjectName, IdentityError> {
        let mut again = 0_u32;
        loop {
            let digest = Sha256::digest(format!("{} {} {again}", self.of, self.number));
            let mut suffix = [0; NAME_SUFFIX_LENGTH];
            suffix.copy_from_slice(&digest[..NAME_SUFFIX_LENGTH]);
            let name = ObjectName::generated(prefix, suffix)?;
            if !self.taken.contains(name.as_str()) {
                return Ok(name);
            }
            again += 1;
        }
    }
}

/// What is known of the attempts of a run: those that are there, and the highest number that was given.
#[derive(Debug, Clone)]
pub(crate) struct Attempts {
    run_id: Option<RunId>,
    of: String,
    /// The name of the attempt that is retried, and its number.
    name: String,
    retried: u32,
    others: Vec<Other>,
    highest: u32,
    taken: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Other {
    name: String,
    number: u32,
    phase: String,
    has_ended: bool,
}

impl Attempts {
    /// The attempts of the run that `live` is one of. A number that is none counts as the first.
    pub(crate) fn of(live: &Value) -> Self {
        let live = Workflow::view(live);
        Self {
            run_id: live.run_id().and_then(|id| id.parse().ok()),
            of: live.run_id().unwrap_or_else(|| live.uid()).to_owned(),
            name: live.name().to_owned(),
            retried: live.attempt(),
            others: Vec::new(),
            highest: live.attempt(),
            taken: BTreeSet::new(),
        }
    }

    /// Takes note of a workflow that stands where the run does, whichever run it is of.
    pub(crate) fn add(&mut self, workflow: &Value) {
        let workflow = Workflow::view(workflow);
        let is_same_run = self.run_id.is_some() && workflow.run_id() == self.run_id.as_ref().map(RunId::as_str);
        if !is_same_run {
            self.taken.insert(workflow.name().to_owned());
            return;
        }
        self.note(workflow.attempt());
        let (name, phase) = (workflow.name().to_owned(), workflow.phase().to_owned());
        self.others.push(Other { name, number: workflow.attempt(), phase, has_ended: workflow.has_ended() });
    }

    /// Whether the first attempt is among those that were added.
    pub(crate) fn has_first(&self) -> bool {
        self.others.iter().any(|other| other.number == 1)
    }

    /// Takes note of a number that was given to an attempt, which may be gone.
    pub(crate) fn note(&mut self, number: u32) {
        self.highest = self.highest.max(number);
    }

    /// Refuses a retry beside an attempt that has not ended, or after a later one that has succeeded.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let others = || self.others.iter().filter(|other| other.name != self.name);
        if let Some(Other { name, number, phase, .. }) = others().find(|other| !other.has_ended) {
            let (name, phase) = (name.clone(), phase.to_lowercase());
            return Err(Refusal::OtherRuns { name, number: *number, phase });
        }
        let succeeded = others().find(|other| other.number > self.retried && other.phase == "Succeeded");
        match succeeded {
            Some(Other { name, number, .. }) => Err(Refusal::LaterSucceeded { name: name.clone(), number: *number }),
            None => Ok(()),
        }
    }

    /// The attempt after all of them.
    pub(crate) fn next(self) -> Attempt {
        Attempt { run_id: self.run_id, number: self.highest.saturating_add(1), of: self.of, taken: self.taken }
    }
}

fn of_attempt(run_id: &RunId, number: u32) -> [(String, String); 2] {
    [("retry_run_id".to_owned(), run_id.to_string()), ("retry_indicator".to_owned(), number.to_string())]
}

/// The value of a workflow's parameter.
pub(super) fn parameter(workflow: &Value, name: &str) -> Option<String> {
    Workflow::view(workflow).parameter(name).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attempt(name: &str, indicator: &str, phase: &str) -> Value {
        json!({"metadata": {"name": name}, "status": {"phase": phase}, "spec": {"arguments": {"parameters": [
            {"name": "run_id", "value": "r1"}, {"name": "retry_indicator", "value": indicator}]}}})
    }

    fn attempts(of: &Value, others: &[Value]) -> Attempts {
        let mut attempts = Attempts::of(of);
        for other in others {
            attempts.add(other);
        }
        attempts
    }

    #[test]
    fn the_number_counts_on_from_the_highest() {
        for (indicator, expected) in [("", 2), ("2", 3), ("9", 10), ("often", 2), ("0", 2)] {
            let next = Attempts::of(&attempt("w", indicator, "Failed")).next();
            assert_eq!((next.number, next.run_id.map(|id| id.to_string())), (expected, Some("r1".to_owned())));
        }
        let unprepared = Attempts::of(&json!({"spec": {}})).next();
        assert_eq!((unprepared.run_id, unprepared.number), (None, 2));
        let first = attempt("w", "", "Failed");
        let mut known = attempts(&first, &[attempt("w-2", "2", "Failed"), attempt("w-4", "4", "Error")]);
        assert_eq!(known.clone().next().number, 5);
        known.note(7);
        known.note(3);
        assert_eq!(known.next().number, 8, "an attempt that is gone keeps its number");
    }

    #[test]
    fn two_retries_of_one_attempt_have_one_name() -> Result<(), IdentityError> {
        let first = attempt("w", "", "Failed");
        let name = |others: &[Value]| attempts(&first, others).next().name("w-");
        let second = name(&[])?;
        assert_eq!((&second, second.as_str().len()), (&name(&[])?, "w-12345".len()));
        assert_ne!(second, name(&[attempt("w-2", "2", "Failed")])?);
        let mut other_run = attempt(second.as_str(), "2", "Failed");
        other_run["spec"] = json!({});
        assert_ne!(second, name(&[other_run])?, "a workflow of another run keeps its name");
        Ok(())
    }

    #[test]
    fn a_retry_is_refused_beside_a_running_attempt_and_after_one_that_succeeded() {
        let first = attempt("w", "", "Failed");
        let running = [first.clone(), attempt("w-2", "2", "Failed"), attempt("w-3", "3", "Running")];
        let refused = attempts(&first, &running).check().map_err(|refusal| refusal.to_string());
        assert_eq!(refused, Err("attempt 3, w-3, is running".to_owned()));
        let succeeded = [first.clone(), attempt("w-2", "2", "Succeeded")];
        let refused = attempts(&first, &succeeded).check().map_err(|refusal| refusal.to_string());
        assert_eq!(refused, Err("attempt 2, w-2, has succeeded".to_owned()));
        assert!(attempts(&succeeded[1], &succeeded).check().is_ok());
        assert!(attempts(&first, &[first.clone(), attempt("w-2", "2", "Failed")]).check().is_ok());
    }
}
