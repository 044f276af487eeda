//! Expressions that have been parsed: a template's are evaluated for each of its calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::syntax::Node;
use super::{Fault, parser};

/// The most expressions that are remembered at once.
const MOST: usize = 512;

thread_local! {
    static PARSED: RefCell<HashMap<String, Rc<Node>>> = RefCell::default();
}

/// Parses an expression, unless that was done before.
pub(super) fn parsed(expression: &str) -> Result<Rc<Node>, Fault> {
    PARSED.with_borrow_mut(|known| {
        if let Some(node) = known.get(expression) {
            return Ok(Rc::clone(node));
        }
        let node = Rc::new(parser::parse(expression)?);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(expression.to_owned(), Rc::clone(&node));
        Ok(node)
    })
}
