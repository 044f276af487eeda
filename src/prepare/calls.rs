//! The places of a template that call others, to be changed.

use serde_json::Value;

use crate::argo::template::field_mut;

/// Visits every step and task of `template`, those of its inline templates included.
pub(super) fn for_each_call(template: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    if let Some(groups) = field_mut(template, "steps").and_then(Value::as_array_mut) {
        for group in groups {
            match group {
                Value::Array(steps) => steps.iter_mut().for_each(|step| visit_site(step, visit)),
                single => visit_site(single, visit),
            }
        }
    }
    let tasks = field_mut(template, "dag").and_then(|dag| field_mut(dag, "tasks")).and_then(Value::as_array_mut);
    tasks.into_iter().flatten().for_each(|task| visit_site(task, visit));
}

/// Visits every inline template of `template`, at any depth.
pub(super) fn for_each_inline(template: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    for_each_call(template, &mut |site| {
        if let Some(inline) = field_mut(site, "inline").filter(|inline| inline.is_object()) {
            visit(inline);
        }
    });
}

fn visit_site(site: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    visit(site);
    if let Some(inline) = field_mut(site, "inline") {
        for_each_call(inline, visit);
    }
}
