//! Expressions that have been parsed: a template's are evaluated for each of its calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::references::Root;
use super::syntax::{Kind, Node};
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
    /// Whether each of its parts is evaluated whatever the others give, so that a missing name fails the evaluation.
    pub(super) is_straight: bool,
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
        let (roots, is_straight) = (references::roots(&node), is_straight(&node));
        let parsed = Rc::new(Parsed { node, may_wait, roots, may_not_fit, is_straight });
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(expression.to_owned(), Rc::clone(&parsed));
        Ok(parsed)
    })
}

fn is_straight(node: &Node) -> bool {
    let has_no_choice = match &node.kind {
        Kind::Member { optional, .. } => !optional,
        Kind::Literal(_) | Kind::Identifier(_) | Kind::Array(_) | Kind::Map(_) | Kind::Call { .. } => true,
        _ => false,
    };
    has_no_choice && node.children().all(is_straight)
}
