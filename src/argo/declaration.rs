//! The order of nodes by what the templates declare: each before what it owns, steps and tasks as they are written,
//! items and attempts as they are numbered. Where a template is not known, people's order of names.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::call::CallSite;
use super::status::Node;
use super::template::Template;
use super::workflow::Workflow;

/// A call in its template, with the inline template that it may hold.
struct Declared<'a> {
    place: usize,
    inline: Option<Template<'a>>,
}

/// The nodes in the order of their declaration.
pub(super) fn declaration_order(workflow: &Workflow, nodes: Vec<Node>) -> Vec<Node> {
    if nodes.len() < 2 {
        return nodes;
    }
    let ranks = ranks(workflow, &nodes);
    let mut ranked: Vec<(usize, Node)> = ranks.into_iter().zip(nodes).collect();
    ranked.sort_by(|(left, one), (right, other)| left.cmp(right).then_with(|| natural(&one.name, &other.name)));
    ranked.into_iter().map(|(_, node)| node).collect()
}

/// The rank of each node. What stands in a circle of boundaries, in a malformed status, comes last.
fn ranks(workflow: &Workflow, nodes: &[Node]) -> Vec<usize> {
    let by_id: HashMap<&str, usize> = nodes.iter().map(|node| node.id.as_str()).zip(0..).collect();
    let mut members: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for (place, node) in nodes.iter().enumerate() {
        let owner = node.boundary_id.as_deref().and_then(|id| by_id.get(id).copied()).filter(|owner| *owner != place);
        members.entry(owner).or_default().push(place);
    }

    let mut ranks = vec![usize::MAX; nodes.len()];
    let mut roots = members.remove(&None).unwrap_or_default();
    let first = |place: &usize| nodes[*place].name != workflow.name();
    roots.sort_by(|one, other| {
        first(one).cmp(&first(other)).then_with(|| natural(&nodes[*one].name, &nodes[*other].name))
    });
    let mut pending: Vec<(usize, Option<Template<'_>>)> = roots.into_iter().rev().map(|root| (root, None)).collect();
    let mut next = 0;
    while let Some((place, inline)) = pending.pop() {
        ranks[place] = next;
        next += 1;
        let Some(children) = members.remove(&Some(place)) else { continue };
        pending.extend(in_template(workflow, &nodes[place], inline, nodes, children).into_iter().rev());
    }
    ranks
}

/// What a node owns in the order of its template, each with the inline template that it was called with.
fn in_template<'a>(
    workflow: &'a Workflow,
    owner: &Node,
    inline: Option<Template<'a>>,
    nodes: &[Node],
    children: Vec<usize>,
) -> Vec<(usize, Option<Template<'a>>)> {
    let template = workflow.template_of(owner).or(inline);
    let declared: HashMap<String, Declared<'a>> = template.map(declared).unwrap_or_default();
    let mut ordered: Vec<(usize, &str, usize, Option<Template<'a>>)> = children
        .into_iter()
        .map(|child| {
            let below = nodes[child].name.strip_prefix(owner.name.as_str()).unwrap_or(&nodes[child].name);
            let site = declared.get(call_of(below));
            (site.map_or(usize::MAX, |site| site.place), below, child, site.and_then(|site| site.inline))
        })
        .collect();
    ordered.sort_by(|one, other| one.0.cmp(&other.0).then_with(|| natural(one.1, other.1)));
    ordered.into_iter().map(|(_, _, child, inline)| (child, inline)).collect()
}

/// The calls of a template by the names of their nodes below its own, such as `[0].a` or `.a`, and its step groups.
fn declared(template: Template<'_>) -> HashMap<String, Declared<'_>> {
    let mut declared = HashMap::new();
    for (place, site) in template.sites().enumerate() {
        if let CallSite { group: Some(group), .. } = site {
            declared.entry(format!("[{group}]")).or_insert(Declared { place, inline: None });
        }
        declared.entry(site.node_suffix()).or_insert(Declared { place, inline: site.inline() });
    }
    declared
}

/// The call that a node below its owner belongs to: `[0].a` for `[0].a(1:x).onExit`, `.a` for `.a.hooks.running`.
fn call_of(below: &str) -> &str {
    let call = below.split_once('(').map_or(below, |(call, _)| call);
    let name = call.find('.').map_or(call.len(), |dot| dot + 1);
    match call[name..].find('.') {
        Some(end) => &call[..name + end],
        None => call,
    }
}

/// The order in which people count: `a(2)` before `a(10)`.
fn natural(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (Some(one), Some(other)) if one.is_ascii_digit() && other.is_ascii_digit() => {
                let (number, rest) = number(left);
                let (other_number, other_rest) = self::number(right);
                let order = number.len().cmp(&other_number.len()).then_with(|| number.cmp(other_number));
                if order != Ordering::Equal {
                    return order;
                }
                (left, right) = (rest, other_rest);
            }
            (Some(one), Some(other)) if one == other => (left, right) = (&left[1..], &right[1..]),
            (one, other) => return one.cmp(&other),
        }
    }
}

/// The digits at the beginning, without leading zeros, and what follows them.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let zeros = text[..end].iter().take_while(|&&byte| byte == b'0').count();
    (&text[zeros..end], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_are_counted_as_people_count() {
        let mut names = ["w.a(10:x)", "w.a(2:y)", "w", "w.a(02:y)b"];
        names.sort_by(|left, right| natural(left, right));
        assert_eq!(names, ["w", "w.a(2:y)", "w.a(02:y)b", "w.a(10:x)"]);
    }

    #[test]
    fn a_node_belongs_to_the_call_that_its_name_begins_with() {
        for (below, call) in
            [("[0]", "[0]"), ("[0].a(1:x.y).onExit", "[0].a"), (".a.hooks.running", ".a"), (".a(0)", ".a"), ("", "")]
        {
            assert_eq!(call_of(below), call, "{below}");
        }
    }
}
