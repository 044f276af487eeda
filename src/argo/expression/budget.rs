//! How much one expression may take. Expressions are small; one that is not must end with an error, not with the memory
//! of the machine or the patience of who waits.

use std::cell::Cell;

use serde_json::Value;

use super::stop_flag::StopFlag;

/// The most parts that are evaluated, those of predicates once for each element.
const STEPS: u64 = 20_000_000;
/// The most bytes that all values take which come up on the way.
const BYTES: usize = 256 << 20;
/// The most bytes of one text that a function makes.
const TEXT: usize = 64 << 20;
/// What a value takes beside its text.
const VALUE: usize = 64;
/// So many steps pass between two looks at the flag that stops.
const BETWEEN_LOOKS: u64 = 256;
/// Why an evaluation ends that is stopped.
pub(crate) const STOPPED: &str = "the run is stopping";
const SIGN: &str = "more than the budget of one expression";

/// What is left to an evaluation.
pub(super) struct Budget {
    steps: Cell<u64>,
    bytes: Cell<usize>,
    stop: Option<StopFlag>,
}

impl Budget {
    pub(super) fn new(stop: Option<StopFlag>) -> Self {
        Self { steps: Cell::new(STEPS), bytes: Cell::new(BYTES), stop }
    }

    /// Takes one step.
    pub(super) fn step(&self) -> Result<(), String> {
        let left = self.steps.get().checked_sub(1).ok_or_else(|| format!("it takes {SIGN} ({STEPS} steps)"))?;
        self.steps.set(left);
        if left.is_multiple_of(BETWEEN_LOOKS) && self.stop.as_ref().is_some_and(StopFlag::is_raised) {
            return Err(STOPPED.to_owned());
        }
        Ok(())
    }

    /// Pays for a value that has come up.
    pub(super) fn pay(&self, value: &Value) -> Result<(), String> {
        let left = self.bytes.get().checked_sub(size(value)).ok_or_else(too_large)?;
        self.bytes.set(left);
        Ok(())
    }
}

fn size(value: &Value) -> usize {
    VALUE
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(size).sum(),
            Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// Refuses a text of this many parts of this many bytes, before it is made.
pub(super) fn text(parts: usize, bytes: usize) -> Result<(), String> {
    if parts.saturating_mul(bytes) > TEXT { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> String {
    format!("it takes {SIGN} ({} MiB)", BYTES >> 20)
}

/// Whether an evaluation failed with this reason because its budget is used up.
pub(super) fn is_used_up(reason: &str) -> bool {
    reason.contains(SIGN)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{ExpressionError, Scope, Unresolved, evaluate, render};

    #[test]
    fn what_no_machine_could_hold_is_refused_and_not_tried() {
        for expression in [
            "repeat(repeat('a', 1000000), 1000000)",
            "replace(repeat('a', 1000000), 'a', repeat('b', 1000000))",
            "sprig.replace('a', sprig.repeat(1000000, 'b'), sprig.repeat(1000000, 'a'))",
            "sprig.regexReplaceAll('a', sprig.repeat(1000000, 'a'), sprig.repeat(1000000, 'b'))",
            "join(map(1..1000000, 'a'), repeat('b', 1000000))",
            "sprig.join(sprig.repeat(1000000, 'b'), map(1..1000000, 'a'))",
            "sprig.indent(100000, sprig.repeat(1000000, '\\n'))",
            "map(1..1000000, 1..1000000)",
        ] {
            let error = evaluate(expression, &Scope::new());
            assert!(matches!(error, Err(ExpressionError::Budget { .. })), "{expression}: {error:?}");
        }
    }

    #[test]
    fn an_expression_over_its_budget_is_an_error_even_where_tags_are_kept() {
        let scope = Arc::new(Scope::new());
        let error = render("{{=repeat(repeat('a', 1000000), 1000000)}}", &scope, Unresolved::Keep);
        let message = error.map_err(|error| error.to_string());
        assert!(message.is_err_and(|message| message.contains("more than the budget of one expression (256 MiB)")));
    }
}
