//! The places of a template that call others, to be changed.

use serde_json::Value;

/// Visits every step and task of `template`, those of its inline templates included.
pub(super) fn for_each_call(template: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    if let Some(groups) = template.get_mut("steps").and_then(Value::as_array_mut) {
        for group in groups {
            match group {
                Value::Array(steps) => steps.iter_mut().for_each(|step| visit_site(step, visit)),
                single => visit_site(single, visit),
            }
        }
    }
    let tasks = template.get_mut("dag").and_then(|dag| dag.get_mut("tasks")).and_then(Value::as_array_mut);
    tasks.into_iter().flatten().for_each(|task| visit_site(task, visit));
}

/// Visits every inline template of `template`, at any depth.
pub(super) fn for_each_inline(template: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    for_each_call(template, &mut |site| {
        if let Some(inline) = site.get_mut("inline").filter(|inline| inline.is_object()) {
            visit(inline);
        }
    });
}

fn visit_site(site: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    visit(site);
    if let Some(inline) = site.get_mut("inline") {
        for_each_call(inline, visit);
    }
}
