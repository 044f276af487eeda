//! Pipelines as people write them, made from a seed: up to 40 templates of all types that call each other.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// A workflow with the objects that it refers to.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) workflow: Value,
    pub(crate) template: Value,
}

/// What a template offers to those that call it.
#[derive(Debug, Clone)]
struct Offer {
    name: String,
    inputs: Vec<String>,
    artifact_input: bool,
    result: bool,
    parameter: bool,
    artifact: bool,
    shared: bool,
}

const PARAMETERS: [&str; 4] = ["image_tag", "region", "date-from", "rows"];

struct Builder {
    random: StdRng,
    offers: Vec<Offer>,
    templates: Vec<Value>,
    claims: bool,
}

/// The pipeline of a seed.
pub(crate) fn pipeline(seed: u64) -> Pipeline {
    let mut builder =
        Builder { random: StdRng::seed_from_u64(seed), offers: Vec::new(), templates: Vec::new(), claims: false };
    let template = builder.shared();
    let leaves = builder.random.random_range(2..24);
    (0..leaves).for_each(|index| builder.leaf(index));
    let nested = builder.random.random_range(1..14);
    (0..nested).for_each(|index| builder.nested(&format!("flow-{index}")));
    builder.nested("main");
    Pipeline { workflow: builder.workflow(seed), template }
}

impl Builder {
    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }

    fn pick<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.random.random_range(0..texts.len())]
    }

    /// A WorkflowTemplate with two leaves and what calls them.
    fn shared(&mut self) -> Value {
        let mut inner = Self {
            random: StdRng::seed_from_u64(self.random.random()),
            offers: Vec::new(),
            templates: Vec::new(),
            claims: false,
        };
        inner.leaf(0);
        inner.leaf(1);
        inner.nested("both");
        let template = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
            "metadata": { "name": "shared" }, "spec": { "templates": inner.templates } });
        let reachable = |offer: &Offer| !offer.artifact_input;
        self.offers.extend(inner.offers.into_iter().filter(reachable).map(|offer| Offer { shared: true, ..offer }));
        template
    }

    fn workflow(&mut self, seed: u64) -> Value {
        let parameters: Vec<Value> =
            PARAMETERS.iter().map(|name| json!({ "name": name, "value": if *name == "rows" { "10".to_owned() } else { format!("{name}-1") } })).collect();
        let mut spec = json!({
            "entrypoint": "main",
            "arguments": { "parameters": parameters },
            "volumes": [{ "name": "scratch", "emptyDir": {} }],
            "templates": self.templates,
        });
        if self.claims {
            spec["volumeClaimTemplates"] = json!([{ "metadata": { "name": "claim" }, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } }]);
        }
        if self.chance(40) {
            spec["onExit"] = json!("goodbye");
            let goodbye =
                json!({ "name": "goodbye", "container": { "image": "alpine", "args": ["{{workflow.status}}"] } });
            spec["templates"].as_array_mut().unwrap().push(goodbye);
        }
        if self.chance(30) {
            spec["templateDefaults"] = json!({ "activeDeadlineSeconds": 600, "retryStrategy": { "limit": "1" } });
        }
        if self.chance(30) {
            spec["parallelism"] = json!(5);
            spec["podSpecPatch"] = json!("{\"nodeSelector\": {\"zone\": \"{{workflow.parameters.region}}\"}}");
        }
        json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": { "name": format!("pipeline-{seed}"), "labels": { "team": "a" }, "annotations": { "note": "b" } },
            "spec": spec })
    }

    fn text(&mut self, inputs: &[String]) -> String {
        let mut text = self
            .pick(&[
                "plain",
                "{{workflow.parameters.region}}",
                "{{workflow.parameters.date-from}} {{workflow.parameters.rows}}",
                "{{=workflow.parameters['image_tag'] + '-x'}}",
                "{{=sprig.upper(workflow.parameters.region)}}",
                "{{workflow.namespace}} {{workflow.serviceAccountName}}",
                "{{workflow.labels.team}} {{workflow.annotations.note}}",
                "{{workflow.name}} {{workflow.uid}} {{workflow.creationTimestamp}}",
                "{{workflow.parameters}}",
            ])
            .to_owned();
        for input in inputs {
            text = match self.random.random_range(0..3) {
                0 => format!("{text} {{{{inputs.parameters.{input}}}}}"),
                1 => format!("{text} {{{{=inputs.parameters['{input}']}}}}"),
                _ => text,
            };
        }
        text
    }

    fn leaf(&mut self, index: usize) {
        let name = format!("{}-{index}", self.pick(&["extract", "Load", "train", "e_t_l", "x"])).replace('_', "-");
        let inputs: Vec<String> = (0..self.random.random_range(0..3)).map(|input| format!("in_{input}")).collect();
        let text = self.text(&inputs);
        let kind = self.random.random_range(0..12);
        let mut template = self.body(kind, &text);
        template["name"] = json!(name);
        let process = kind < 6;
        let mut offer = Offer {
            name,
            inputs,
            artifact_input: false,
            result: process,
            parameter: false,
            artifact: false,
            shared: false,
        };
        if !offer.inputs.is_empty() {
            let declared = |input: &String| match input.as_str() {
                "in_1" => json!({ "name": input, "default": "d" }),
                _ => json!({ "name": input }),
            };
            template["inputs"] = json!({ "parameters": offer.inputs.iter().map(declared).collect::<Vec<_>>() });
        }
        if process && self.chance(25) {
            offer.artifact_input = true;
            template["inputs"]["artifacts"] = json!([{ "name": "data", "path": "/tmp/data" }]);
        }
        if process && self.chance(30) {
            offer.parameter = true;
            template["outputs"]["parameters"] = json!([{ "name": "count", "valueFrom": { "path": "/tmp/count" } }]);
        }
        if process && self.chance(30) {
            offer.artifact = true;
            template["outputs"]["artifacts"] = json!([{ "name": "made", "path": "/tmp/made" }]);
        }
        if self.chance(30) && kind != 11 {
            template["retryStrategy"] = json!({ "limit": 3, "retryPolicy": "Always",
                "expression": "lastRetry.exitCode != '2'", "backoff": { "duration": "1s", "factor": "2" } });
        }
        if process && self.chance(8) {
            template["memoize"] =
                json!({ "key": format!("mine-{index}"), "maxAge": "1h", "cache": { "configMap": { "name": "mine" } } });
        }
        self.templates.push(template);
        self.offers.push(offer);
    }

    fn body(&mut self, kind: u32, text: &str) -> Value {
        match kind {
            0..=2 => {
                let mut container = json!({ "image": "alpine:3", "command": ["echo"], "args": [text],
                    "env": [{ "name": "MODE", "value": text }] });
                if self.chance(20) {
                    container["volumeMounts"] = json!([{ "name": "scratch", "mountPath": "/scratch" }]);
                } else if self.chance(15) {
                    self.claims = true;
                    container["volumeMounts"] = json!([{ "name": "claim", "mountPath": "/claim" }]);
                }
                json!({ "container": container })
            }
            3..=5 => {
                json!({ "script": { "image": "python", "command": ["python"], "source": format!("print('''{text}''')\n") } })
            }
            6 => json!({ "resource": { "action": "create", "successCondition": "status.done == true",
                "manifest": format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: a-\ndata:\n  x: \"{text}\"\n") } }),
            7 => json!({ "http": { "url": "http://example.com/x", "method": "POST", "body": text } }),
            8 | 9 => json!({ "containerSet": { "containers": [
                { "name": "a", "image": "alpine", "args": [text] },
                { "name": "main", "image": "alpine", "dependencies": ["a"] },
            ] } }),
            10 => {
                json!({ "container": { "image": "nginx", "args": [text] }, "sidecars": [{ "name": "db", "image": "redis" }],
                "initContainers": [{ "name": "init", "image": "alpine" }], "synchronization": { "mutexes": [{ "name": "m" }] } })
            }
            _ => json!({ "suspend": { "duration": "1s" } }),
        }
    }

    fn nested(&mut self, name: &str) {
        let dag = self.chance(50);
        let inputs: Vec<String> = if name == "main" {
            Vec::new()
        } else {
            (0..self.random.random_range(0..2)).map(|input| format!("in_{input}")).collect()
        };
        let count = self.random.random_range(1..7);
        let mut calls: Vec<Value> = Vec::new();
        let mut earlier: Vec<(String, Offer)> = Vec::new();
        for index in 0..count {
            let call_name = format!("call-{index}");
            let from = self.random.random_range(0..self.offers.len());
            let offer = self.offers[from].clone();
            let makers: Vec<_> = earlier.iter().filter(|(_, earlier)| earlier.artifact).cloned().collect();
            if offer.artifact_input && makers.is_empty() {
                continue;
            }
            let looped = self.chance(25);
            let mut call = self.call(&call_name, &offer, looped, &inputs, &earlier, dag);
            if offer.artifact_input {
                let (maker, _) = &makers[self.random.random_range(0..makers.len())];
                let group = if dag { "tasks" } else { "steps" };
                call["arguments"]["artifacts"] =
                    json!([{ "name": "data", "from": format!("{{{{{group}.{maker}.outputs.artifacts.made}}}}") }]);
            }
            if dag && !earlier.is_empty() {
                call["dependencies"] = json!(earlier.iter().map(|(name, _)| name).collect::<Vec<_>>());
            }
            calls.push(call);
            if !looped {
                earlier.push((call_name, offer));
            }
        }
        if self.chance(25) || calls.is_empty() {
            let text = self.text(&[]);
            calls.push(json!({ "name": "inlined", "inline": { "container": { "image": "alpine", "args": [text] } } }));
        }
        let mut template = if dag {
            json!({ "name": name, "dag": { "tasks": calls } })
        } else {
            json!({ "name": name, "steps": calls.into_iter().map(|call| json!([call])).collect::<Vec<_>>() })
        };
        if !inputs.is_empty() {
            template["inputs"] =
                json!({ "parameters": inputs.iter().map(|input| json!({ "name": input })).collect::<Vec<_>>() });
        }
        self.templates.push(template);
        let name = name.to_owned();
        self.offers.push(Offer {
            name,
            inputs,
            artifact_input: false,
            result: false,
            parameter: false,
            artifact: false,
            shared: false,
        });
    }

    fn call(
        &mut self,
        name: &str,
        offer: &Offer,
        looped: bool,
        inputs: &[String],
        earlier: &[(String, Offer)],
        dag: bool,
    ) -> Value {
        let mut call = json!({ "name": name });
        if offer.shared {
            call["templateRef"] = json!({ "name": "shared", "template": offer.name });
        } else {
            call["template"] = json!(offer.name);
        }
        let parameters: Vec<Value> = offer
            .inputs
            .iter()
            .map(|input| json!({ "name": input, "value": self.argument(looped, inputs, earlier, dag) }))
            .collect();
        if !parameters.is_empty() {
            call["arguments"] = json!({ "parameters": parameters });
        }
        if looped {
            match self.random.random_range(0..3) {
                0 => call["withItems"] = json!(["a", "b", 3]),
                1 => call["withSequence"] = json!({ "count": "3" }),
                _ => call["withParam"] = json!("[1, 2]"),
            }
        } else if self.chance(15) {
            call["when"] = json!("{{workflow.parameters.rows}} != 0");
        }
        if self.chance(10) {
            call["continueOn"] = json!({ "failed": true });
        }
        let handler = self
            .offers
            .iter()
            .find(|offer| !offer.shared && offer.inputs.is_empty() && !offer.artifact_input && offer.result);
        if let Some(handler) = handler.map(|offer| offer.name.clone())
            && self.chance(8)
        {
            let group = if dag { "tasks" } else { "steps" };
            call["hooks"] = json!({ "exit": { "template": handler, "expression": format!("{group}['{name}'].status == 'Failed'") } });
        }
        call
    }

    fn argument(&mut self, looped: bool, inputs: &[String], earlier: &[(String, Offer)], dag: bool) -> String {
        let group = if dag { "tasks" } else { "steps" };
        if looped && self.chance(70) {
            return "{{item}}".to_owned();
        }
        if let Some((call, offer)) = earlier.last()
            && (offer.result || offer.parameter)
            && self.chance(60)
        {
            return match (offer.result, offer.parameter) {
                (_, true) => format!("{{{{{group}.{call}.outputs.parameters.count}}}}"),
                _ => format!("{{{{{group}.{call}.outputs.result}}}}"),
            };
        }
        match inputs.first() {
            Some(input) if self.chance(50) => format!("{{{{inputs.parameters.{input}}}}}"),
            _ => self
                .pick(&["1", "two", "{{workflow.parameters.region}}", "{{=workflow.parameters['rows']}}"])
                .to_owned(),
        }
    }
}
