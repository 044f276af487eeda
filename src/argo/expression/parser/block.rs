//! What begins with a word: `let` and `if`, with the sequences that they hold.

use super::{LOWEST, Parsed, Parser};
use crate::argo::expression::lexer::Class;
use crate::argo::expression::syntax::Kind;

impl Parser {
    pub(super) fn sequence(&mut self) -> Parsed {
        let first = self.expression(LOWEST)?;
        if !self.is(Class::Operator, ";") {
            return Ok(first);
        }
        let at = first.at;
        let mut nodes = vec![first];
        while self.accept(Class::Operator, ";") && self.current().class != Class::End {
            nodes.push(self.expression(LOWEST)?);
        }
        Self::node(at, Kind::Sequence(nodes))
    }

    pub(super) fn variable(&mut self) -> Parsed {
        self.expect(Class::Operator, "let")?;
        if self.current().class != Class::Identifier {
            return Err(self.unexpected());
        }
        let name = self.advance();
        self.expect(Class::Operator, "=")?;
        let value = Box::new(self.expression(LOWEST)?);
        self.expect(Class::Operator, ";")?;
        let body = Box::new(self.sequence()?);
        let kind = Kind::Let { name: name.text, value, body };
        Self::node(name.at, kind)
    }

    pub(super) fn conditional_block(&mut self) -> Parsed {
        let at = self.advance().at;
        let condition = Box::new(self.expression(LOWEST)?);
        let then = Box::new(self.block()?);
        self.expect(Class::Operator, "else")?;
        let otherwise =
            if self.is(Class::Operator, "if") { Box::new(self.expression(LOWEST)?) } else { Box::new(self.block()?) };
        let kind = Kind::Conditional { condition, then, otherwise };
        Self::node(at, kind)
    }

    pub(super) fn block(&mut self) -> Parsed {
        self.expect(Class::Bracket, "{")?;
        let node = self.sequence()?;
        self.expect(Class::Bracket, "}")?;
        Ok(node)
    }
}
