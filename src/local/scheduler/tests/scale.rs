//! What a wide run costs: run with `cargo test --release --lib scale -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

/// Time that the scheduler itself takes for a run in which every task succeeds.
fn measure(name: &str, spec: &str) -> f64 {
    let begin = Instant::now();
    let mut run = Run::of(spec);
    let mut events = 1;
    while run.scheduler.finished().is_none() {
        let (node, _) = run.running.pop().unwrap();
        run.tell(Event::Ended(node, Box::new(writes("o", "1"))));
        run.scheduler.changes();
        events += 1;
    }
    let nodes = run.scheduler.nodes().len();
    let took = begin.elapsed().as_secs_f64();
    run.scheduler.object();
    let whole = begin.elapsed().as_secs_f64();
    println!("{name}: {events} events, {nodes} nodes, {took:.3} s, with the object {whole:.3} s");
    took
}

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

fn dag(items: usize) -> String {
    format!(
        "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {{name: a, template: leaf, withSequence: {{count: {items}}}}}
    - {{name: b, template: leaf, depends: a}}{LEAF}"
    )
}

fn chain(tasks: usize) -> String {
    let mut text = "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: t0, template: leaf}"
        .to_owned();
    for task in 1..tasks {
        let before = task - 1;
        text += &format!(
            "
    - name: t{task}
      template: leaf
      depends: t{before}
      arguments: {{parameters: [{{name: p, value: '{{{{tasks.t{before}.outputs.parameters.o}}}}'}}]}}"
        );
    }
    text + LEAF
}

fn nested(rows: usize, cells: usize) -> String {
    format!(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {{name: row, template: row, withSequence: {{count: {rows}}}}}
- name: row
  dag:
    tasks:
    - {{name: cell, template: leaf, withSequence: {{count: {cells}}}}}{LEAF}"
    )
}

#[test]
#[ignore = "a measurement"]
fn wide_and_long_runs() {
    measure("1,000 items", &steps(1_000, ""));
    measure("10,000 items", &steps(10_000, ""));
    measure("10,000 items, ten at once", &steps(10_000, "parallelism: 10"));
    measure(
        "10,000 items, one mutex",
        &steps(10_000, "").replace("- name: leaf", "- name: leaf\n  synchronization: {mutexes: [{name: m}]}"),
    );
    measure(
        "10,000 items, retried",
        &steps(10_000, "").replace("- name: leaf", "- name: leaf\n  retryStrategy: {limit: 1}"),
    );
    measure("10,000 items of a task", &dag(10_000));
    measure("a chain of 200", &chain(200));
    measure("a chain of 2,000", &chain(2_000));
    measure("100 by 100", &nested(100, 100));
}

#[test]
fn ten_times_the_items_cost_about_ten_times_the_time() {
    let (few, many) = (measure("300 items", &steps(300, "")), measure("3,000 items", &steps(3_000, "")));
    assert!(many < few * 30.0 + 0.5, "{few} s and {many} s");
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
