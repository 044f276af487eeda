//! The tree of an expression, as the parser builds it and the evaluator reads it.

use serde_json::Value;

/// A part of an expression and the byte where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: usize,
    /// The longest way down to a leaf; bounded, because evaluation recurses along it.
    pub(super) height: usize,
    /// How many nodes there are from here down; bounded, because parts that are read twice are copied.
    pub(super) size: usize,
    pub(super) kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Literal(Value),
    Identifier(String),
    /// `#`, `#index`, `#acc`, or the unwritten subject of `.field` in a predicate.
    Pointer(String),
    Member {
        object: Box<Node>,
        property: Box<Node>,
        optional: bool,
    },
    Slice {
        object: Box<Node>,
        from: Option<Box<Node>>,
        to: Option<Box<Node>>,
    },
    /// The extent that a `?.` on nil makes nil.
    Chain(Box<Node>),
    Unary {
        operator: String,
        operand: Box<Node>,
    },
    Binary {
        operator: String,
        left: Box<Node>,
        right: Box<Node>,
    },
    Conditional {
        condition: Box<Node>,
        then: Box<Node>,
        otherwise: Box<Node>,
    },
    Array(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// A call of a function that the environment provides.
    Call {
        callee: Box<Node>,
        arguments: Vec<Node>,
    },
    /// A call of one of the language's own functions.
    Builtin {
        name: String,
        arguments: Vec<Node>,
    },
    Predicate(Box<Node>),
    Let {
        name: String,
        value: Box<Node>,
        body: Box<Node>,
    },
    Sequence(Vec<Node>),
}

impl Node {
    pub(super) fn new(at: usize, kind: Kind) -> Self {
        let mut node = Self { at, height: 0, size: 0, kind };
        node.height = 1 + node.children().map(|child| child.height).max().unwrap_or(0);
        node.size = 1 + node.children().map(|child| child.size).sum::<usize>();
        node
    }

    pub(super) fn boxed(at: usize, kind: Kind) -> Box<Self> {
        Box::new(Self::new(at, kind))
    }

    /// The parts of this node, in the order in which they are written.
    pub(super) fn children(&self) -> impl Iterator<Item = &Node> {
        let mut children: Vec<&Node> = Vec::new();
        match &self.kind {
            Kind::Literal(_) | Kind::Identifier(_) | Kind::Pointer(_) => {}
            Kind::Member { object, property, .. } => children.extend([&**object, &**property]),
            Kind::Slice { object, from, to } => {
                children.push(object);
                children.extend(from.as_deref().into_iter().chain(to.as_deref()));
            }
            Kind::Chain(inner) | Kind::Predicate(inner) => children.push(inner),
            Kind::Unary { operand, .. } => children.push(operand),
            Kind::Binary { left, right, .. } => children.extend([&**left, &**right]),
            Kind::Conditional { condition, then, otherwise } => children.extend([&**condition, &**then, &**otherwise]),
            Kind::Array(nodes) | Kind::Sequence(nodes) => children.extend(nodes),
            Kind::Map(pairs) => children.extend(pairs.iter().flat_map(|(key, value)| [key, value])),
            Kind::Call { callee, arguments } => {
                children.push(callee);
                children.extend(arguments);
            }
            Kind::Builtin { arguments, .. } => children.extend(arguments),
            Kind::Let { value, body, .. } => children.extend([&**value, &**body]),
        }
        children.into_iter()
    }

    /// The dotted path this node spells (`a.b['c']` is `a`, `b`, `c`), if it is one.
    ///
    /// `$env` stands for the environment itself and is left out.
    pub(super) fn path(&self) -> Option<Vec<&str>> {
        let mut path = Vec::new();
        let mut node = self;
        loop {
            match &node.kind {
                Kind::Identifier(name) => {
                    if name != "$env" || path.is_empty() {
                        path.push(name.as_str());
                    }
                    path.reverse();
                    return Some(path);
                }
                Kind::Member { object, property, optional: false } => {
                    let Kind::Literal(Value::String(name)) = &property.kind else {
                        return None;
                    };
                    path.push(name.as_str());
                    node = object;
                }
                _ => return None,
            }
        }
    }
}
