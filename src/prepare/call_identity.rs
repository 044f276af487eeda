//! Which call a node stands for, as an expression that the controller evaluates in a key.
//!
//! The identity is the node's name without the workflow's name and without the indices of step groups, so that the
//! next attempt finds what the same call has left, also where a group was put in between. Argo (3.5 and later) sets
//! `node.name` before it evaluates `memoize.key` (workflow/controller/operator.go, executeTemplate, v4.1.2).
//!
//! The index of a loop's item belongs to the identity, unless all items of the loop are known here and differ as text:
//! then an item put in between changes no other call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::graph::Graph;
use crate::argo::template::{Template, field, list, text};

const GROUP_INDEX: &str = "[[][0-9]+[]]";

/// The calls of a workflow, as far as their names need care.
#[derive(Debug, Default)]
pub(super) struct CallIdentity {
    /// Steps and tasks whose items need no index.
    plain_loops: Vec<String>,
}

impl CallIdentity {
    /// Reads the loops of all templates. Templates that documents not known here may call can lie below any loop: their
    /// nodes keep every index.
    pub(super) fn of(graph: &Graph<'_>, spec: &Value, shared: bool) -> Self {
        if shared {
            return Self::default();
        }
        let parameters = list(spec.pointer("/arguments/parameters"));
        let mut loops: BTreeMap<&str, bool> = BTreeMap::new();
        let sites = graph.nodes.iter().flat_map(|node| sites(node.template.value()));
        for site in sites.filter(|site| is_loop(site)) {
            // A name alone tells loops apart in a node's name, so all loops of one name must agree.
            let differ = items(site, parameters).is_some_and(|items| differ(&items));
            *loops.entry(text(site, "name")).or_insert(true) &= differ;
        }
        let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let plain = loops.into_iter().filter(|(name, differ)| *differ && !name.is_empty() && is_plain(name));
        Self { plain_loops: plain.map(|(name, _)| name.to_owned()).collect() }
    }

    /// The identity of the call as an expression.
    pub(super) fn expression(&self) -> String {
        let name = "sprig.trimPrefix(workflow.name, node.name)";
        if self.plain_loops.is_empty() {
            return format!(r#"sprig.regexReplaceAll("{GROUP_INDEX}", {name}, "")"#);
        }
        let loops = self.plain_loops.join("|");
        format!(r#"sprig.regexReplaceAll("{GROUP_INDEX}|([.](?:{loops})[(])[0-9]+:", {name}, "$1")"#)
    }
}

/// The steps and tasks of a template and of those written in place in it.
fn sites(template: &Value) -> Vec<&Value> {
    let steps = list(field(template, "steps")).iter().flat_map(|group| match group {
        Value::Array(steps) => steps.as_slice(),
        single => std::slice::from_ref(single),
    });
    let mut found = Vec::new();
    for site in steps.chain(list(template.pointer("/dag/tasks"))) {
        found.push(site);
        found.extend(field(site, "inline").map(sites).unwrap_or_default());
    }
    found
}

/// Adds how often each step and task of a template runs that runs `times` times, as far as that is known.
pub(super) fn count_items<'a>(
    template: &'a Value,
    parameters: &[Value],
    times: u64,
    counts: &mut HashMap<&'a str, u64>,
) {
    for site in Template::new(template).sites() {
        let known = items(site.value, parameters).map_or(1, |items| items.len() as u64);
        let times = times.saturating_mul(known);
        counts.insert(site.name(), times);
        if let Some(inline) = site.inline() {
            count_items(inline.value(), parameters, times, counts);
        }
    }
}

fn is_loop(site: &Value) -> bool {
    ["withItems", "withParam", "withSequence"]
        .iter()
        .any(|name| field(site, name).is_some_and(|value| !value.is_null()))
}

/// The items of a loop, where they are known before the workflow runs.
fn items(site: &Value, parameters: &[Value]) -> Option<Vec<Value>> {
    let has = |name: &str| field(site, name).filter(|value| !value.is_null());
    match (has("withItems"), has("withParam"), has("withSequence")) {
        (Some(Value::Array(items)), None, None) => Some(items.clone()),
        (None, Some(Value::String(param)), None) => serde_json::from_str(known_text(param, parameters)?).ok(),
        (None, None, Some(sequence)) => of_sequence(sequence),
        _ => None,
    }
}

/// The text itself, or the value of the workflow's parameter that is all of it.
fn known_text<'a>(written: &'a str, parameters: &'a [Value]) -> Option<&'a str> {
    let tag = written.trim().strip_prefix("{{").and_then(|tag| tag.strip_suffix("}}"));
    let Some(tag) = tag else { return Some(written) };
    let name = tag.trim().strip_prefix("workflow.parameters.")?;
    let parameter = parameters.iter().find(|parameter| text(parameter, "name") == name)?;
    parameter.get("value")?.as_str()
}

/// The numbers of a sequence that needs nothing to be known; their count is all that matters where no format is given.
fn of_sequence(sequence: &Value) -> Option<Vec<Value>> {
    let number = |name: &str| match field(sequence, name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::Number(number)) => Some(Some(number.as_i64()?)),
        Some(Value::String(text)) => Some(Some(text.trim().parse::<i64>().ok()?)),
        Some(_) => None,
    };
    let (start, end, count) = (number("start")?.unwrap_or(0), number("end")?, number("count")?);
    if field(sequence, "format").is_some_and(|format| !format.is_null() && format.as_str() != Some("")) {
        return None;
    }
    let last = match (end, count) {
        (Some(end), None) => end,
        (None, Some(count)) => start.checked_add(count)?.checked_sub(1)?,
        _ => return None,
    };
    if count.is_some_and(|count| count <= 0) {
        return Some(Vec::new());
    }
    let (low, high) = (start.min(last), start.max(last));
    (high.checked_sub(low)? < MOST_ITEMS).then(|| (low..=high).map(Value::from).collect())
}

/// More items than a workflow can have.
const MOST_ITEMS: i64 = 100_000;

/// Whether no two items can have the same text in a node's name.
fn differ(items: &[Value]) -> bool {
    let mut seen = BTreeSet::new();
    items.iter().all(|item| label(item).is_some_and(|label| seen.insert(label)))
}

/// An item's text in a node's name, as far as it tells items apart: without what an identity leaves out. None where it
/// is not known.
fn label(item: &Value) -> Option<String> {
    let text = match item {
        Value::Object(fields) => {
            let part = |(key, value): (&String, &Value)| Some(format!("{key}:{}", scalar(value)?));
            let mut parts: Vec<String> = fields.iter().map(part).collect::<Option<_>>()?;
            parts.sort_unstable();
            parts.join(",")
        }
        Value::Array(values) => values.iter().map(scalar).collect::<Option<Vec<_>>>()?.join(" "),
        value => scalar(value)?,
    };
    Some(without_indices(&text.replace(['(', ')'], "")))
}

/// A scalar's text. A number has several: one is taken for all.
fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    if text.contains("{{") {
        return None;
    }
    Some(text.trim().parse::<f64>().map_or(text, |number| number.to_string()))
}

/// The text without what looks like the index of a step group.
fn without_indices(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        left.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if let Some(next) = after[digits..].strip_prefix(']').filter(|_| digits > 0) {
            rest = next;
        } else {
            left.push('[');
            rest = after;
        }
    }
    left + rest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

    use serde_json::json;

    use super::*;
    use crate::argo::expression::{Scope, Unresolved, render};
    use crate::prepare::Templates;

    fn identity(calls: Value, parameters: Value) -> CallIdentity {
        let spec = json!({"entrypoint": "main", "arguments": {"parameters": parameters},
            "templates": [{"name": "main", "steps": [calls]}, {"name": "t", "container": {}}]});
        CallIdentity::of(&Graph::of(&spec, &Templates::default(), None), &spec, false)
    }

    fn of_node(identity: &CallIdentity, node: &str) -> String {
        let mut scope = Scope::new();
        scope.set("workflow.name", "wf-1");
        scope.set("node.name", format!("wf-1{node}"));
        render(&format!("{{{{={}}}}}", identity.expression()), &scope, Unresolved::Refuse).unwrap()
    }

    #[test]
    fn the_indices_of_groups_and_of_known_items_are_no_part_of_it() {
        let calls = json!([{"name": "each", "template": "t", "withItems": ["a", "b"]},
            {"name": "unknown", "template": "t", "withParam": "{{steps.x.outputs.result}}"}]);
        let identity = identity(calls, json!([]));
        for (node, expected) in [
            ("", ""),
            ("[0].build", ".build"),
            ("[1].each(0:a)", ".each(a)"),
            ("[1].unknown(0:a)", ".unknown(0:a)"),
            ("[1].each(12:a)[0].unknown(3:x[1])(1)", ".each(a).unknown(3:x)(1)"),
        ] {
            assert_eq!(of_node(&identity, node), expected, "{node}");
        }
    }

    #[test]
    fn items_need_no_index_where_they_are_known_and_differ_as_text() {
        let known = |site: Value| {
            let mut call = json!({"name": "each", "template": "t"});
            call.as_object_mut().unwrap().extend(site.as_object().unwrap().clone());
            let parameters =
                json!([{"name": "list", "value": "[1, 2]"}, {"name": "later", "value": "{{workflow.uid}}"}]);
            !identity(json!([call]), parameters).plain_loops.is_empty()
        };
        for site in [
            json!({"withItems": [1, 2, "x", true]}),
            json!({"withItems": [{"a": 1, "b": 2}, {"a": 1, "b": 3}]}),
            json!({"withParam": "[\"a\", \"b\"]"}),
            json!({"withParam": "{{ workflow.parameters.list }}"}),
            json!({"withSequence": {"count": "3"}}),
            json!({"withSequence": {"start": 5, "end": "1"}}),
        ] {
            assert!(known(site.clone()), "{site}");
        }
        for site in [
            json!({"withItems": [1, "1"]}),
            json!({"withItems": ["a[0]", "a[1]"]}),
            json!({"withItems": ["a(b)", "ab"]}),
            json!({"withItems": ["a", "{{workflow.parameters.list}}"]}),
            json!({"withItems": [{"a": {"deep": 1}}]}),
            json!({"withParam": "{{workflow.parameters.later}}"}),
            json!({"withParam": "{{steps.gen.outputs.result}}"}),
            json!({"withSequence": {"count": "{{workflow.parameters.n}}"}}),
            json!({"withSequence": {"count": 2, "format": "same"}}),
        ] {
            assert!(!known(site.clone()), "{site}");
        }
    }

    /// The JSON of inputs where there are none, to a controller.
    const NONE: &str = r#""null""#;
    /// What a controller (v4.1.2) made of the expression for these nodes, in two attempts of which the second one found all
    /// entries of the first.
    const RECORDED: [(&str, &str, &str, &str); 14] = [
        ("rnd", "[0].a", NONE, "deee34eaed43a80e"),
        ("rnd", "[0].b", NONE, "1fe8b81ec73a9333"),
        ("rnd", "[0].eq(0:x)", NONE, "3df4f110b8a13165"),
        ("rnd", "[0].eq(1:x)", NONE, "8de09001a0c91574"),
        ("rnd", "[0].eq(4:k:1)", NONE, "aa0c0ec6ed019e6d"),
        ("rnd", "[0].p(0:k:{{z}})", NONE, "00a42fa78dc14ad1"),
        ("rnd", "[0].p(1:k:q/x)", NONE, "74d9c929370eb2e6"),
        ("rnd", "[0].s(1:1)", NONE, "563eebff47ac4d82"),
        ("rnd", "[0].r[0].a", NONE, "453bfa2b5b7a6b2c"),
        ("flaky", "[0].rt", NONE, "14f04ebec7a29f91"),
        ("rnd", "[0].hk.onExit", NONE, "34f97c738e94c5c2"),
        ("rnd", ".onExit", NONE, "cb4e73a9b3dea466"),
        ("dag", "[2].d", NONE, "667d6bbef8d0f354"),
        ("poll", "[1].rec", r#"{"n":"3"}"#, "23d0af8b2dd12c4a"),
    ];

    #[test]
    fn a_controller_computes_the_same() {
        let identity = CallIdentity::default().expression();
        for workflow in ["a-djvht", "a-8dccx"] {
            for (template, node, inputs, expected) in RECORDED {
                let mut scope = Scope::new();
                scope.set("workflow.name", workflow);
                scope.set("node.name", format!("{workflow}{node}"));
                scope.set("recorded", inputs);
                let key = format!("{template}-{{{{=sprig.trunc(16, sprig.sha256sum({identity} + recorded))}}}}");
                let key = render(&key, &scope, Unresolved::Refuse).unwrap();
                assert_eq!(key, format!("{template}-{expected}"), "{node}");
            }
        }
    }

    #[test]
    fn loops_of_one_name_need_all_to_be_known() {
        let inline = json!({"steps": [[{"name": "each", "template": "t", "withParam": "{{inputs.parameters.x}}"}]]});
        let calls =
            json!([{"name": "each", "template": "t", "withItems": ["a", "b"]}, {"name": "in", "inline": inline}]);
        assert_eq!(identity(calls, json!([])).expression(), CallIdentity::default().expression());
    }
}
