//! Argo's expression languages: `{{name}}` tags, `{{=expression}}` tags in Go's expr language with sprig, `when`
//! conditions in govaluate's language, the `depends` logic of DAG tasks, and JSONPath.
//!
//! Everything here is a function of its arguments. Functions of sprig that ask a clock, the environment, the network
//! or chance are refused by name: a rendered text has to be the same each time it is rendered.

mod arguments;
mod budget;
mod builtins;
mod condition;
pub(crate) mod depends;
mod evaluate;
#[cfg(test)]
mod facts;
mod functions;
pub(crate) mod gojson;
pub(crate) mod golang;
mod gotime;
mod jsonpath;
mod lexer;
mod operators;
mod parsed;
mod parser;
mod references;
mod scope;
mod sprig;
mod standard;
mod stop_flag;
mod syntax;
mod tag;
mod types;
pub(crate) mod unknown;

use serde_json::Value;
use thiserror::Error;

pub(crate) use budget::STOPPED;
pub(crate) use condition::when;
pub(crate) use references::{needs, reads, references};
pub use scope::Scope;
pub(crate) use stop_flag::StopFlag;
pub(crate) use tag::{has_open, render_in_place, render_settled, render_value};
// For argo::check, which reads the tags of a document with their places.
pub(crate) use tag::{Content, tags};
pub use tag::{Unresolved, render};

/// Why a text could not be rendered or an expression not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// The expression does not follow its language.
    #[error("expression `{expression}` is invalid at offset {offset}: {reason}")]
    Syntax {
        /// The expression as written.
        expression: String,
        /// The byte of the expression at which it stops making sense.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The expression is well formed, but with these variables it has no value.
    #[error("expression `{expression}` failed at offset {offset}: {reason}")]
    Evaluation {
        /// The expression as written.
        expression: String,
        /// The byte of the expression that failed.
        offset: usize,
        /// Why it failed.
        reason: String,
    },
    /// The evaluation would take more than it may.
    #[error("expression `{expression}` is given up at offset {offset}: {reason}")]
    Budget {
        /// The expression as written.
        expression: String,
        /// The byte of the expression that it could not afford.
        offset: usize,
        /// Which budget is used up.
        reason: String,
    },
    /// A tag names a variable that is not known.
    #[error("{}", unresolved(.tag, .variable))]
    Unresolved {
        /// What stands between the braces.
        tag: String,
        /// The variable that is missing.
        variable: String,
    },
    /// A tag's value is nil: the output of a node that was skipped, without a default.
    #[error("{}", absent(.tag))]
    Absent {
        /// What stands between the braces.
        tag: String,
    },
    /// A tag is opened and not closed.
    #[error("tag opened at offset {offset} is not closed")]
    Unclosed {
        /// The byte of the text at which the tag begins.
        offset: usize,
    },
}

/// (util/template/simple_template.go and expression_template.go)
fn unresolved(tag: &str, variable: &str) -> String {
    if tag.starts_with('=') {
        format!("failed to evaluate expression: {variable} is missing")
    } else {
        format!("failed to resolve {{{{{tag}}}}}")
    }
}

fn absent(tag: &str) -> String {
    match (tag.strip_prefix('='), tag.rsplit_once("{{")) {
        (Some(expression), _) => format!("failed to evaluate expression {expression:?}"),
        (None, Some((_, nested))) => {
            format!("unable to substitute nested tag {{{{{tag}}}}}: {nested:?} is an absent optional")
        }
        (None, None) => format!(
            "unable to substitute {{{{{tag}}}}}: output is an absent optional (skipped/omitted node with no default)"
        ),
    }
}

/// Evaluates an expression of Go's expr language with Argo's functions: `valueFrom.expression`,
/// `retryStrategy.expression`, `fromExpression` and the expressions of data templates.
///
/// The value may be null; Argo takes that for a failure where a parameter is asked for.
pub(crate) fn evaluate(expression: &str, scope: &Scope) -> Result<Value, ExpressionError> {
    let parsed = parsed::parsed(expression).map_err(|fault| fault.syntax(expression))?;
    evaluate_parsed(&parsed, expression, scope)
}

/// What is wrong with an expression as such, whatever its variables are.
pub(crate) fn syntax_error(expression: &str) -> Option<String> {
    parser::parse(expression).err().map(|fault| fault.reason)
}

fn evaluate_parsed(parsed: &parsed::Parsed, expression: &str, scope: &Scope) -> Result<Value, ExpressionError> {
    let evaluation = |Fault { at: offset, reason }: Fault| {
        let expression = expression.to_owned();
        if budget::is_used_up(&reason) {
            ExpressionError::Budget { expression, offset, reason }
        } else {
            ExpressionError::Evaluation { expression, offset, reason }
        }
    };
    if let Some(unknown) = references::reads_unknown(&parsed.node, scope) {
        return Ok(unknown);
    }
    let check = || {
        references::check_names(&parsed.roots, scope)?;
        if parsed.may_not_fit { types::check(&parsed.node, scope) } else { Ok(()) }
    };
    let evaluate = || evaluate::Evaluator::new(scope).run(&parsed.node);
    // A missing name is what is told, whatever else is wrong.
    let value = if parsed.is_straight {
        evaluate().or_else(|fault| check().and(Err(fault)))
    } else {
        check().and_then(|()| evaluate())
    };
    value.map_err(evaluation)
}

/// What is wrong at which byte of an expression.
#[derive(Debug)]
pub(crate) struct Fault {
    at: usize,
    reason: String,
}

impl Fault {
    fn new(at: usize, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { at, reason }
    }

    fn syntax(self, expression: &str) -> ExpressionError {
        ExpressionError::Syntax { expression: expression.to_owned(), offset: self.at, reason: self.reason }
    }
}
