//! Parses an expression of Go's expr language into its tree. Each level of the grammar has a file.

mod block;
mod call;
mod operation;
mod postfix;
mod primary;

use super::Fault;
use super::lexer::{self, Class, Token};
use super::syntax::{Kind, Node};

/// Parsing recurses into what is nested; no person nests this deep.
const MAX_DEPTH: usize = 64;

/// Evaluation recurses along the tree, which a chain of operators makes high too.
const MAX_HEIGHT: usize = 200;

/// The most nodes that Go's parser accepts.
const MAX_SIZE: usize = 10_000;

const LOWEST: u32 = 0;

/// Parses a whole expression.
pub(super) fn parse(source: &str) -> Result<Node, Fault> {
    let mut parser = Parser { tokens: lexer::tokens(source)?, next: 0, depth: 0, predicates: 0 };
    let node = parser.sequence()?;
    if parser.current().class != Class::End {
        return Err(parser.unexpected());
    }
    Ok(node)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    /// How many expressions are open around the current token.
    depth: usize,
    /// How many predicates are; `#` and a leading `.` mean something only in one.
    predicates: usize,
}

type Parsed = Result<Node, Fault>;

impl Parser {
    fn current(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn is(&self, class: Class, text: &str) -> bool {
        self.current().is(class, text)
    }

    fn advance(&mut self) -> Token {
        let token = self.current().clone();
        self.next += 1;
        token
    }

    fn accept(&mut self, class: Class, text: &str) -> bool {
        let accepted = self.is(class, text);
        if accepted {
            self.next += 1;
        }
        accepted
    }

    fn expect(&mut self, class: Class, text: &str) -> Result<(), Fault> {
        if self.accept(class, text) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn unexpected(&self) -> Fault {
        let token = self.current();
        match token.class {
            Class::End => Fault::new(token.at, "unexpected end of expression"),
            Class::Text => Fault::new(token.at, format!("unexpected string {:?}", token.text)),
            _ => Fault::new(token.at, format!("unexpected `{}`", token.text)),
        }
    }

    fn node(at: usize, kind: Kind) -> Parsed {
        let node = Node::new(at, kind);
        if node.height > MAX_HEIGHT {
            return Err(Fault::new(at, "expression is nested too deeply"));
        }
        if node.size > MAX_SIZE {
            return Err(Fault::new(at, "expression is too long"));
        }
        Ok(node)
    }

    fn expression(&mut self, lowest: u32) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let at = self.current().at;
            return Err(Fault::new(at, "expression is nested too deeply"));
        }
        let node = match lowest {
            LOWEST if self.is(Class::Operator, "let") => self.variable(),
            LOWEST if self.is(Class::Operator, "if") => self.conditional_block(),
            _ => self.operation(lowest),
        };
        self.depth -= 1;
        node
    }
}
