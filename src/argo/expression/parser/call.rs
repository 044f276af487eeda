//! Calls of functions, and predicates in their arguments.

use super::{LOWEST, Parsed, Parser};
use crate::argo::expression::lexer::{Class, Token};
use crate::argo::expression::syntax::{Kind, Node};
use crate::argo::expression::{Fault, builtins};

impl Parser {
    pub(super) fn call(&mut self, name: Token, before: Vec<Node>) -> Parsed {
        let mut arguments = before;
        self.expect(Class::Bracket, "(")?;
        if builtins::takes_predicate(&name.text) {
            self.predicate_arguments(&name.text, &mut arguments)?;
        } else {
            arguments.extend(self.list(")")?);
        }
        if builtins::is_builtin(&name.text) {
            let kind = Kind::Builtin { name: name.text, arguments };
            return Self::node(name.at, kind);
        }
        let callee = Node::boxed(name.at, Kind::Identifier(name.text));
        Self::node(name.at, Kind::call(callee, arguments))
    }

    /// The second argument of such a function is a predicate, the others are expressions.
    fn predicate_arguments(&mut self, name: &str, arguments: &mut Vec<Node>) -> Result<(), Fault> {
        let already = arguments.len();
        while !self.accept(Class::Bracket, ")") {
            if arguments.len() > already {
                self.expect(Class::Operator, ",")?;
                if self.accept(Class::Bracket, ")") {
                    break;
                }
            }
            let argument = match arguments.len() {
                1 => self.predicate()?,
                _ => self.expression(LOWEST)?,
            };
            arguments.push(argument);
        }
        let (least, most) = builtins::predicate_arity(name);
        if !(least..=most).contains(&arguments.len()) {
            let at = self.current().at;
            let what = format!("`{name}` takes {least} to {most} arguments, not {}", arguments.len());
            return Err(Fault::new(at, what));
        }
        Ok(())
    }

    fn predicate(&mut self) -> Parsed {
        let at = self.current().at;
        self.predicates += 1;
        let body = if self.is(Class::Bracket, "{") { self.block() } else { self.expression(LOWEST) };
        self.predicates -= 1;
        Self::node(at, Kind::Predicate(Box::new(body?)))
    }
}
