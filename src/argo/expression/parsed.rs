//! Expressions that have been parsed: a template's are evaluated for each of its calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::references::Root;
use super::syntax::Node;
use super::{Fault, parser, references, types};

/// An expression, and what can be told of it whatever its variables are.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) node: Node,
    /// Whether it needs a variable that Argo sets late.
    pub(super) may_wait: bool,
    /// The names that it takes from its scope.
    pub(super) roots: Vec<Root>,
    /// Whether an operation may not fit its types.
    pub(super) may_not_fit: bool,
}

/// The most expressions that are remembered at once.
const MOST: usize = 512;

thread_local! {
    static PARSED: RefCell<HashMap<String, Rc<Parsed>>> = RefCell::default();
}

/// Parses an expression, unless that was done before.
pub(super) fn parsed(expression: &str) -> Result<Rc<Parsed>, Fault> {
    PARSED.with_borrow_mut(|known| {
        if let Some(parsed) = known.get(expression) {
            return Ok(Rc::clone(parsed));
        }
        let node = parser::parse(expression)?;
        let (may_wait, may_not_fit) = (references::may_wait(&node), types::may_not_fit(&node));
        let parsed = Rc::new(Parsed { may_wait, roots: references::roots(&node), may_not_fit, node });
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(expression.to_owned(), Rc::clone(&parsed));
        Ok(parsed)
    })
}
