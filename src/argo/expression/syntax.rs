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
        let none: (&[Node], &[(Node, Node)]) = (&[], &[]);
        let (first, (list, pairs)): ([Option<&Node>; 3], _) = match &self.kind {
            Kind::Literal(_) | Kind::Identifier(_) | Kind::Pointer(_) => ([None; 3], none),
            Kind::Member { object, property, .. } => ([Some(object), Some(property), None], none),
            Kind::Slice { object, from, to } => ([Some(object), from.as_deref(), to.as_deref()], none),
            Kind::Chain(inner) | Kind::Predicate(inner) => ([Some(inner), None, None], none),
            Kind::Unary { operand, .. } => ([Some(operand), None, None], none),
            Kind::Binary { left, right, .. } => ([Some(left), Some(right), None], none),
            Kind::Conditional { condition, then, otherwise } => ([Some(condition), Some(then), Some(otherwise)], none),
            Kind::Array(nodes) | Kind::Sequence(nodes) => ([None; 3], (nodes, &[])),
            Kind::Map(pairs) => ([None; 3], (&[], pairs)),
            Kind::Call { callee, arguments } => ([Some(callee), None, None], (arguments, &[])),
            Kind::Builtin { arguments, .. } => ([None; 3], (arguments, &[])),
            Kind::Let { value, body, .. } => ([Some(value), Some(body), None], none),
        };
        first.into_iter().flatten().chain(list).chain(pairs.iter().flat_map(|(key, value)| [key, value]))
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
