//! Reading and preparing documents.

use std::fmt::Write;

use kubectl_runnable::testing::argo::document::{Source, parse};
use kubectl_runnable::testing::argo::identity::{CacheName, RunId};
use kubectl_runnable::testing::prepare::{Options, Templates, prepare};
use serde_json::Value;

use crate::measure::{ROUNDS, medians, row};

pub(crate) fn read() {
    let mut text = String::new();
    for part in 0..40 {
        let _ = write!(text, "---\n{}", pipeline(190).replace("bench-", &format!("bench-{part}-")));
    }
    let source = Source { name: "bench.yaml".to_owned(), text: text.clone().into_bytes() };
    let (ours, peer) = medians(
        || assert!(parse(&source).is_ok_and(|parsed| parsed.documents.len() == 40)),
        || {
            let documents = serde_yaml::Deserializer::from_str(&text);
            let values: Result<Vec<Value>, _> = documents.map(serde::Deserialize::deserialize).collect();
            assert!(values.is_ok_and(|values| values.len() == 40));
        },
    );
    let what = format!("read and check {} kB of YAML, against serde_yaml", text.len() / 1_000);
    row(&what, ours, peer);
}

pub(crate) fn prepared() {
    let source = Source { name: "bench.yaml".to_owned(), text: pipeline(199).into_bytes() };
    let Ok(parsed) = parse(&source) else { panic!("the made pipeline is illegal") };
    let workflow = &parsed.documents[0].value;
    let Ok(run_id) = "bench".parse::<RunId>() else { panic!("the run id is illegal") };
    let options = Options::new(run_id, CacheName::generated([0; 6]));
    // A submit reads its document once and gives it away.
    let mut given = vec![workflow.clone(); ROUNDS];
    let mut made = Vec::with_capacity(ROUNDS);
    let (ours, peer) = medians(
        || made.extend(given.pop().map(|workflow| prepare(workflow, &Templates::default(), &options))),
        || assert!(!workflow.to_string().is_empty()),
    );
    assert!(made.iter().flatten().all(|prepared| prepared.run.cache_name.is_some()) && made.len() == ROUNDS);
    row("prepare 200 templates, against writing them", ours, peer);
}

/// A workflow of many templates and a DAG that calls all of them.
pub(crate) fn pipeline(templates: usize) -> String {
    let mut text = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: bench-}\nspec:\n  \
                    entrypoint: main\n  templates:\n  - name: main\n    dag:\n      tasks:\n"
        .to_owned();
    let mut write = |part: String| text.push_str(&part);
    for template in 0..templates {
        let depends = if template == 0 { String::new() } else { format!("        depends: t{}\n", template - 1) };
        write(format!(
            "      - name: t{template}\n        template: t{template}\n{depends}        arguments:\n          \
             parameters:\n          - {{name: x, value: \"{{{{workflow.name}}}}\"}}\n"
        ));
    }
    for template in 0..templates {
        write(format!(
            "  - name: t{template}\n    inputs: {{parameters: [{{name: x}}]}}\n    retryStrategy: {{limit: 2}}\n    \
             script:\n      image: python:3.13\n      command: [python]\n      source: |\n        import sys\n        \
             print(\"{{{{inputs.parameters.x}}}}\", {template}, file=sys.stderr)\n      env:\n      - {{name: A, value: \
             \"1\"}}\n"
        ));
    }
    text
}
