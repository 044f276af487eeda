//! What is drawn of running runs.

use serde_json::{Value, json};

use super::*;
use crate::output::tree::Look;

fn node(name: &str, kind: &str, phase: &str, more: &Value) -> Node {
    let mut value = json!({"id": name, "name": name, "displayName": display_name(name), "type": kind, "phase": phase,
        "startedAt": "1970-01-01T00:00:00Z"});
    for (field, field_value) in more.as_object().into_iter().flatten() {
        value[field] = field_value.clone();
    }
    Node::read(name, &value)
}

fn look(lines: usize, width: usize) -> Look {
    let now = Timestamp::from_second(12).unwrap_or(Timestamp::UNIX_EPOCH);
    Look { lines: Some(lines), width: Some(width), ..Look::plain(now) }
}

fn fan_out(items: usize) -> LiveNodes {
    let mut nodes = LiveNodes::default();
    let mut take = |node: &Node| nodes.take(node, &Mask::default());
    take(&node("w", "DAG", "Running", &json!({})));
    take(&node("w.each", "TaskGroup", "Running", &json!({})));
    for item in 0..items {
        let phase = match item {
            7 => "Failed",
            3 | 4 => "Running",
            item if item > items / 2 => "Pending",
            _ => "Succeeded",
        };
        take(&node(&format!("w.each({item}:x)"), "Pod", phase, &json!({})));
    }
    nodes
}

#[test]
fn a_small_run_is_shown_as_a_whole() {
    let mut nodes = LiveNodes::default();
    for node in [
        node("w", "Steps", "Running", &json!({})),
        node("w[0]", "StepGroup", "Running", &json!({})),
        node("w[0].a", "Pod", "Succeeded", &json!({"finishedAt": "1970-01-01T00:00:02Z"})),
        node("w[1].b", "Pod", "Pending", &json!({"synchronizationStatus": {"waiting": "n/Mutex/m"}})),
    ] {
        assert_eq!(nodes.take(&node, &Mask::default()), Some(News::Node));
        assert_eq!(nodes.take(&node, &Mask::default()), None, "known");
    }
    assert_eq!(
        nodes.draw(look(20, 80)),
        "● w     12s  1 of 2 done\n├─ ✔ a  2.0s\n└─ ◷ b  waits for lock n/Mutex/m\n1 of 2 ████████░░░░░░░░ 1 waiting, 12s\n"
    );
}

#[test]
fn what_failed_and_what_is_at_work_is_shown_of_many() {
    let drawing = fan_out(10_000).draw(look(20, 80));
    let lines: Vec<&str> = drawing.lines().collect();
    assert_eq!(lines.len(), 20, "{drawing}");
    assert!(lines[1].starts_with("└─ ● each") && lines[1].ends_with("4999 of 10000 done"), "{drawing}");
    assert!(drawing.contains("✖ each(7:x)") && drawing.contains("● each(3:x)"), "{drawing}");
    assert!(!drawing.contains('✔'), "what succeeded is folded: {drawing}");
    assert!(lines[19].starts_with("4999 of 10000 ███████░░░░░░░░░ 2 running, 4999 waiting, 1 failed"), "{drawing}");
}

#[test]
fn a_drawing_fits_any_terminal() {
    for (lines, width) in [(3, 10), (5, 40), (20, 200)] {
        let drawing = fan_out(100).draw(Look { color: true, ..look(lines, width) });
        assert!(drawing.lines().count() <= lines, "{drawing}");
        assert!(drawing.lines().all(|line| console::measure_text_width(line) <= width), "{width}: {drawing}");
    }
}

#[test]
fn attempts_that_were_repeated_do_not_count() {
    let mut nodes = LiveNodes::default();
    let mut take = |node: &Node| nodes.take(node, &Mask::default());
    take(&node("w", "Retry", "Running", &json!({})));
    take(&node("w(0)", "Pod", "Failed", &json!({})));
    take(&node("w(1)", "Pod", "Running", &json!({})));
    assert!(
        nodes.draw(look(20, 80)).contains("0 of 1 ░░░░░░░░░░░░░░░░ 1 running, 12s"),
        "{}",
        nodes.draw(look(20, 80))
    );
    nodes.take(&node("w(1)", "Pod", "Succeeded", &json!({})), &Mask::default());
    assert!(nodes.draw(look(20, 80)).contains("1 of 1 ████████████████"));
}

#[test]
fn the_time_left_is_estimated_from_the_attempt_before() {
    let mut nodes = LiveNodes::default();
    let by_path = HashMap::from([("a".to_owned(), 10_000), ("b".to_owned(), 20_000), ("c".to_owned(), 30_000)]);
    nodes.expect(Expected { by_path, run_ms: 30_000 });
    nodes.take(&node("w", "DAG", "Running", &json!({})), &Mask::default());
    nodes.take(&node("w.a", "Pod", "Running", &json!({})), &Mask::default());
    nodes.take(&node("w.a", "Pod", "Succeeded", &json!({})), &Mask::default());
    nodes.take(&node("w.b", "Pod", "Running", &json!({})), &Mask::default());
    // 8 s of b and 30 s of c are left; the attempt before did two seconds of work in each.
    let drawing = nodes.draw(look(20, 80));
    assert!(drawing.contains("about 19s left"), "{drawing}");
}

#[test]
fn a_run_that_ended_is_forgotten() {
    let mut nodes = fan_out(9);
    nodes.take(&node("v", "Pod", "Running", &json!({})), &Mask::default());
    let ids: Vec<String> = std::iter::once("w".to_owned())
        .chain(std::iter::once("w.each".to_owned()))
        .chain((0..9).map(|item| format!("w.each({item}:x)")))
        .collect();
    nodes.forget(&ids.iter().map(String::as_str).collect());
    assert_eq!(nodes.draw(look(20, 80)), "● v  12s\n0 of 1 ░░░░░░░░░░░░░░░░ 1 running, 12s\n");
}
