//! What follows a value: fields, indices, slices, calls of methods.

use super::{LOWEST, Parsed, Parser};
use crate::argo::expression::Fault;
use crate::argo::expression::lexer::{self, Class};
use crate::argo::expression::syntax::{Kind, Node};

impl Parser {
    pub(super) fn postfix(&mut self, node: Node) -> Parsed {
        let mut node = node;
        loop {
            if self.is(Class::Operator, ".") {
                self.next += 1;
                node = self.field(node, false)?;
            } else if self.is(Class::Operator, "?.") {
                self.next += 1;
                node = if self.is(Class::Bracket, "[") { self.index(node, true)? } else { self.field(node, true)? };
            } else if self.is(Class::Bracket, "[") {
                node = self.index(node, false)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn field(&mut self, object: Node, optional: bool) -> Parsed {
        let token = self.advance();
        let is_name = token.text.starts_with(|c: char| lexer::is_word(c) && !c.is_ascii_digit());
        if !is_name || !matches!(token.class, Class::Identifier | Class::Operator) {
            return Err(Fault::new(token.at, "expected a name after the dot"));
        }
        let (object, is_chain) = match object.kind {
            Kind::Chain(inner) => (inner, true),
            _ => (Box::new(object), false),
        };
        let property = Node::boxed(token.at, Kind::Literal(token.text.into()));
        let kind = Kind::Member { object, property, optional };
        let mut node = Self::node(token.at, kind)?;
        if self.accept(Class::Bracket, "(") {
            let arguments = self.list(")")?;
            let callee = Box::new(node);
            node = Self::node(token.at, Kind::call(callee, arguments))?;
        }
        if is_chain || optional {
            node = Self::node(token.at, Kind::Chain(Box::new(node)))?;
        }
        Ok(node)
    }

    fn index(&mut self, object: Node, optional: bool) -> Parsed {
        let at = self.advance().at;
        let object = Box::new(object);
        let mut from = None;
        if !self.is(Class::Operator, ":") {
            from = Some(Box::new(self.expression(LOWEST)?));
        }
        if self.accept(Class::Operator, ":") {
            let mut to = None;
            if !self.is(Class::Bracket, "]") {
                to = Some(Box::new(self.expression(LOWEST)?));
            }
            self.expect(Class::Bracket, "]")?;
            return Self::node(at, Kind::Slice { object, from, to });
        }
        self.expect(Class::Bracket, "]")?;
        let property = from.ok_or_else(|| self.unexpected())?;
        let kind = Kind::Member { object, property, optional };
        let node = Self::node(at, kind)?;
        if optional { Self::node(at, Kind::Chain(Box::new(node))) } else { Ok(node) }
    }
}
