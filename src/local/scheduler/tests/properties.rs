//! Whatever the workflow and however its tasks end, a run ends and so do all its nodes.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::*;

/// A step or task: what it calls and how.
#[derive(Debug, Clone)]
struct Member {
    calls: usize,
    items: usize,
    when: Option<bool>,
    continues: bool,
    exit: bool,
    hook: bool,
    after: Vec<(usize, usize)>,
}

#[derive(Debug, Clone)]
struct Shape {
    dag: bool,
    fail_fast: Option<bool>,
    parallelism: Option<usize>,
    retries: Option<usize>,
    members: Vec<Member>,
}

const RESULTS: [&str; 7] = ["", ".Succeeded", ".Failed", ".Errored", ".Skipped", ".AnySucceeded", ".AllFailed"];

fn member() -> impl Strategy<Value = Member> {
    let whether = (prop::option::weighted(0.2, any::<bool>()), prop::bool::weighted(0.2), prop::bool::weighted(0.15));
    let after = prop::collection::vec((0..9_usize, 0..RESULTS.len()), 0..3);
    (0..4_usize, 0..4_usize, whether, prop::bool::weighted(0.15), after).prop_map(
        |(calls, items, (when, continues, exit), hook, after)| Member {
            calls,
            items,
            when,
            continues,
            exit,
            hook,
            after,
        },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let limits = (prop::option::weighted(0.3, any::<bool>()), prop::option::weighted(0.3, 1..3_usize));
    let retries = prop::option::weighted(0.2, 0..3_usize);
    (any::<bool>(), limits, retries, prop::collection::vec(member(), 1..5)).prop_map(
        |(dag, (fail_fast, parallelism), retries, members)| Shape { dag, fail_fast, parallelism, retries, members },
    )
}

/// The templates `t0`, `t1`, …, each of which calls later ones or a leaf.
fn document(shapes: &[Shape]) -> String {
    let mut templates: Vec<Value> =
        shapes.iter().enumerate().map(|(place, shape)| template(shape, place, shapes.len())).collect();
    templates.push(json!({"name": "leaf", "container": {"image": "a", "command": ["c"]}}));
    templates.push(json!({
        "name": "retried", "retryStrategy": {"limit": 1, "retryPolicy": "Always"},
        "container": {"image": "a", "command": ["c"]}, "synchronization": {"mutexes": [{"name": "m"}]}
    }));
    json!({"entrypoint": "t0", "onExit": "leaf", "templates": templates}).to_string()
}

fn template(shape: &Shape, place: usize, count: usize) -> Value {
    let members: Vec<Value> = shape
        .members
        .iter()
        .enumerate()
        .map(|(index, member)| {
            let next = place + member.calls;
            let called = match member.calls {
                0 => "leaf".to_owned(),
                1 => "retried".to_owned(),
                _ if next < count => format!("t{next}"),
                _ => "leaf".to_owned(),
            };
            let mut value = json!({"name": format!("m{index}"), "template": called});
            if member.items > 1 {
                value["withItems"] = (0..member.items).collect::<Vec<_>>().into();
            }
            if let Some(when) = member.when {
                value["when"] = when.to_string().into();
            }
            if member.continues {
                value["continueOn"] = json!({"failed": true, "error": true});
            }
            if member.exit {
                value["hooks"]["exit"] = json!({"template": "leaf"});
            }
            if member.hook {
                value["hooks"]["h"] = json!({"template": "leaf", "expression": "true"});
            }
            if shape.dag && index > 0 && !member.continues {
                let after: Vec<String> = member
                    .after
                    .iter()
                    .map(|(task, result)| format!("m{}{}", task % index, RESULTS[*result]))
                    .collect();
                if !after.is_empty() {
                    value["depends"] = after.join(" || ").into();
                }
            }
            value
        })
        .collect();
    let mut template = json!({"name": format!("t{place}")});
    if shape.dag {
        // Argo takes continueOn only with dependencies, not with depends.
        template["dag"]["tasks"] = members.into();
    } else {
        template["steps"] = members.chunks(2).map(|group| Value::from(group.to_vec())).collect::<Vec<_>>().into();
    }
    if let Some(fail_fast) = shape.fail_fast {
        template["failFast"] = fail_fast.into();
    }
    if let Some(limit) = shape.parallelism {
        template["parallelism"] = limit.into();
    }
    if let Some(limit) = shape.retries {
        template["retryStrategy"] = json!({"limit": limit, "retryPolicy": "Always"});
    }
    template
}

/// Answers the tasks as `outcomes` say, in an order that they choose too, then checks the end.
fn check(spec: &str, outcomes: &[(u8, u8)], shutdown: Option<(usize, bool)>) -> TestCaseResult {
    let mut run = Run::of(spec);
    let mut answers = outcomes.iter().cycle();
    for turn in 0..20_000 {
        if run.scheduler.finished().is_some() {
            break;
        }
        if let Some((_, terminate)) = shutdown.filter(|(at, _)| *at == turn) {
            run.shut_down(if terminate { Shutdown::Terminate } else { Shutdown::Stop });
            continue;
        }
        let (order, outcome) = *answers.next().unwrap();
        if run.running.is_empty() {
            let is_waited_for = |(_, timer): &(_, Timer)| run.scheduler.waits_for(*timer);
            prop_assert!(run.timers.iter().any(is_waited_for), "stuck:\n{}", run.status());
            run.wake();
        } else {
            let outcome = match outcome % 8 {
                0 => fails(1),
                1 => errors(),
                _ => succeeds(),
            };
            run.end_at(usize::from(order) % run.running.len(), outcome);
        }
    }
    prop_assert!(run.scheduler.finished().is_some(), "no end:\n{}", run.status());
    prop_assert!(run.running.is_empty(), "{:?} still run:\n{}", run.running(), run.status());
    let mut names = std::collections::HashSet::new();
    for node in run.scheduler.nodes() {
        prop_assert!(node.phase.is_fulfilled(), "{} is not at its end:\n{}", node.name, run.status());
        prop_assert!(node.started_at <= node.finished_at, "{} ends before it begins", node.name);
        prop_assert!(names.insert(&node.name), "{} is there twice", node.name);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_run_ends_and_so_do_all_its_nodes(
        shapes in prop::collection::vec(shape(), 1..5),
        outcomes in prop::collection::vec(any::<(u8, u8)>(), 1..60),
        shutdown in prop::option::weighted(0.2, (0..8_usize, any::<bool>())),
    ) {
        check(&document(&shapes), &outcomes, shutdown)?;
    }
}
