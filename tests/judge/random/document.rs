//! A workflow made from a seed, sometimes with a WorkflowTemplate beside it.

use serde_json::{Value, json};

use super::calls::Caller;
use super::dice::Dice;
use super::leaves::{Offer, leaf};
use super::values::{Known, Shape, literal};

/// The objects of a file; the workflow comes last.
pub(crate) fn document(seed: u64) -> Vec<Value> {
    let mut dice = Dice::new(seed);
    let globals = vec![
        Known::new("workflow.parameters.t", Shape::Text),
        Known::new("workflow.parameters.n", Shape::Number),
        Known::new("workflow.parameters.l", Shape::List),
        Known::new("workflow.parameters.o", Shape::Objects),
        Known::new("workflow.name", Shape::Text),
    ];
    let mut objects = Vec::new();
    let mut offers = Vec::new();
    if dice.chance(20) {
        let (template, mut shared) = templates(&mut dice, "s", &globals[4..], &[]);
        for offer in &mut shared {
            offer.shared = true;
        }
        offers.extend(shared);
        objects.push(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "shared"},
            "spec": {"templates": template},
        }));
    }
    let (mut templates, offers) = templates(&mut dice, "t", &globals, &offers);
    let (main, _) = Caller { dice: &mut dice, offers: &offers, globals: &globals, limited: false }.nested("main", 0);
    templates.push(main);

    let parameters: Vec<Value> = [("t", Shape::Text), ("n", Shape::Number), ("l", Shape::List), ("o", Shape::Objects)]
        .map(|(name, shape)| json!({"name": name, "value": literal(&mut dice, shape)}))
        .into();
    let mut spec = json!({"entrypoint": "main", "arguments": {"parameters": parameters}, "templates": templates});
    handlers(&mut dice, &mut spec, &offers);
    objects.push(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w", "namespace": "default"}, "spec": spec,
    }));
    objects
}

fn templates(dice: &mut Dice, prefix: &str, globals: &[Known], beside: &[Offer]) -> (Vec<Value>, Vec<Offer>) {
    let (mut templates, mut offers) = (Vec::new(), beside.to_vec());
    for index in 0..2 + dice.below(3) {
        let (template, offer) = leaf(dice, &format!("{prefix}{index}"), globals);
        templates.push(template);
        offers.push(offer);
    }
    for index in 0..dice.below(3) {
        let inputs = dice.below(3);
        let (template, offer) = Caller { dice, offers: &offers, globals, limited: false }
            .nested(&format!("{prefix}-nested-{index}"), inputs);
        templates.push(template);
        offers.push(offer);
    }
    (templates, offers)
}

fn handlers(dice: &mut Dice, spec: &mut Value, offers: &[Offer]) {
    let handlers: Vec<String> = offers
        .iter()
        .filter(|offer| offer.inputs.is_empty() && !offer.shared && !offer.daemon)
        .map(|offer| offer.name.clone())
        .collect();
    let Some(handler) = dice.any(&handlers) else { return };
    match dice.below(12) {
        0 => spec["onExit"] = handler.into(),
        1 => spec["hooks"] = json!({"exit": {"template": handler}}),
        2 => spec["hooks"] = json!({"exit": {"template": handler, "expression": "workflow.status == \"Failed\""}}),
        4 => {
            let (template, expression) = dice.of(&[
                (handler.as_str(), "workflow.status == \"Running\""),
                (handler.as_str(), "workflow.status == \"Running\""),
                (handler.as_str(), "nothing.status == \"x\""),
                ("none", "workflow.status == \"Running\""),
            ]);
            spec["hooks"] = json!({"begun": {"template": template, "expression": expression}});
        }
        3 => {
            let says =
                json!({"image": "alpine", "command": ["echo"], "args": ["{{workflow.status}} {{workflow.name}}"]});
            spec["templates"]
                .as_array_mut()
                .into_iter()
                .for_each(|templates| templates.push(json!({"name": "bye", "container": says})));
            spec["onExit"] = "bye".into();
        }
        _ => {}
    }
}
