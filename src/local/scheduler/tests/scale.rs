//! Wide runs: that they end, whatever waits for what. What they cost is measured in tests/bench.

use super::*;

const LEAF: &str = "
- name: leaf
  inputs: {parameters: [{name: p, value: none}]}
  container: {image: a, command: [c, '{{inputs.parameters.p}}']}
  outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}";

fn steps(items: usize, more: &str) -> String {
    format!(
        "
entrypoint: main
templates:
- name: main
  {more}
  steps:
  - - name: a
      template: leaf
      arguments: {{parameters: [{{name: p, value: '{{{{item}}}}'}}]}}
      withSequence: {{count: {items}}}
  - - {{name: b, template: leaf}}{LEAF}"
    )
}

#[test]
fn waiting_calls_do_not_pile_up_on_the_stack() {
    let memoize = "memoize: {key: k, cache: {configMap: {name: c}}}\n  synchronization: {mutexes: [{name: m}]}";
    for more in ["parallelism: 1", "failFast: false"] {
        let spec = steps(5_000, more).replace("- name: leaf", &format!("- name: leaf\n  {memoize}"));
        let mut run = Run::of(&spec);
        run.play(|_| writes("o", "1"));
        assert_eq!(run.most_running, 1);
    }
}
