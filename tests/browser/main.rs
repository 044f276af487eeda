//! `report -o html` in a real browser: Chromium, headless, driven through its DevTools pipe. Without Chromium these tests
//! fail; `tests/run` leaves them out then, and says so.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod chromium;

use serde_json::{Value, json};

use chromium::Page;
use support::environment::Environment;

/// A second of the day on which the runs of these tests ran.
fn at(second: usize) -> String {
    format!("2026-11-21T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

fn node(workflow: &str, name: &str, phase: &str, second: usize) -> Value {
    json!({
        "id": format!("{workflow}-{name}"), "name": format!("{workflow}.{name}"), "displayName": name, "type": "Pod", "phase": phase,
        "templateName": format!("template-{}", second % 7), "boundaryID": workflow, "startedAt": at(second), "finishedAt": at(second + 9),
        "outputs": {"exitCode": if phase == "Failed" { "3" } else { "0" }, "parameters": [{"name": "rows", "value": second.to_string()}]},
    })
}

/// Writes a run of this machine that has ended, without running it.
fn write_run(home: &Environment, name: &str, nodes: Vec<Value>, message: &str) {
    let root = json!({
        "id": name, "name": name, "displayName": name, "type": "DAG", "phase": "Failed", "templateName": "main",
        "startedAt": at(0), "finishedAt": at(6000), "children": nodes.iter().map(|node| node["id"].clone()).collect::<Vec<_>>(),
    });
    let map: serde_json::Map<String, Value> =
        std::iter::once(root).chain(nodes).map(|node| (node["id"].as_str().unwrap().to_owned(), node)).collect();
    let workflow = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"name": name, "namespace": "default", "uid": "u", "creationTimestamp": at(0)},
        "spec": {"entrypoint": "main", "templates": []},
        "status": {"phase": "Failed", "message": message, "startedAt": at(0), "finishedAt": at(6000), "nodes": map},
    });
    std::fs::create_dir_all(home.path(&format!("state/runs/default/{name}"))).unwrap();
    home.write(&format!("state/runs/default/{name}/workflow.json"), workflow.to_string());
    home.write(&format!("state/runs/default/{name}/lock"), "");
}

fn report(home: &Environment, name: &str) -> String {
    let file = home.path("run.html").display().to_string();
    home.run(["report", "--local", name, "--file", &file]).good();
    file
}

/// A run of 5,000 nodes: every 500th failed, every 10th came from the cache.
fn large(home: &Environment) -> String {
    let nodes = (0..5000).map(|item| {
        let phase = if item % 500 == 7 { "Failed" } else { "Succeeded" };
        let mut node = node("big", &format!("each({item}:row-{item})"), phase, item);
        if item % 10 == 0 {
            node["memoizationStatus"] = json!({"hit": true, "key": "k", "cacheName": "c"});
        }
        node
    });
    write_run(home, "big", nodes.collect(), "child failed");
    report(home, "big")
}

#[test]
fn a_page_of_5000_nodes_opens_filters_and_is_worked_by_keys() {
    let home = Environment::new();
    let file = large(&home);
    let mut page = Page::open(&home, &file);
    assert_eq!(page.errors(), "");
    let ready = page.number("+document.documentElement.dataset.ready");
    assert!(ready < 2000.0, "the page was ready after {ready} ms");
    assert_eq!(page.count("+document.documentElement.dataset.shown"), 5000);
    let drawn = page.number("document.querySelectorAll('.row').length");
    assert!((10.0..100.0).contains(&drawn), "only what is seen is drawn: {drawn}");

    // "/" focuses the filter, text filters, Escape shows everything.
    page.press("/");
    page.insert("row-49");
    assert_eq!(page.count("+document.documentElement.dataset.shown"), 111);
    page.press("Escape");
    assert_eq!(page.count("+document.documentElement.dataset.shown"), 5000);

    // "f" shows what failed; the arrows select, and the details follow.
    page.press("f");
    assert_eq!(page.count("+document.documentElement.dataset.shown"), 10);
    page.press("ArrowDown");
    page.press("ArrowDown");
    assert_eq!(page.text("document.documentElement.dataset.selected"), "each(507:row-507)");
    let detail = page.text("document.getElementById('detail').textContent");
    for part in ["failed", "exit code 3", "template template-3", "rows507"] {
        assert!(detail.contains(part), "{part} is not in {detail}");
    }
    page.press("Escape");
    page.press("End");
    assert_eq!(page.text("document.documentElement.dataset.selected"), "each(4999:row-4999)");
    assert_eq!(page.errors(), "");
}

#[test]
fn a_link_says_what_is_shown() {
    let home = Environment::new();
    let file = large(&home);
    let mut page = Page::open(&home, &format!("{file}#q=row-5&state=cached&sort=name&node=each(50:row-50)"));
    assert_eq!(page.count("+document.documentElement.dataset.shown"), 11);
    assert_eq!(page.text("document.documentElement.dataset.selected"), "each(50:row-50)");
    assert_eq!(page.errors(), "");
}

#[test]
fn names_of_a_run_are_text_and_nothing_is_fetched() {
    let home = Environment::new();
    let odd = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">";
    let mut nodes = vec![node("odd", odd, "Failed", 5)];
    nodes[0]["message"] = json!(odd);
    nodes[0]["outputs"]["parameters"][0]["value"] = json!(odd);
    write_run(&home, "odd", nodes, odd);
    let file = report(&home, "odd");
    let mut page = Page::open(&home, &file);
    page.press("f");
    page.press("ArrowDown");
    assert_eq!((page.errors().as_str(), page.text("document.title").as_str()), ("", "odd"));
    assert_eq!(page.count("document.querySelectorAll('img').length"), 0);
    assert!(page.text("document.getElementById('detail').textContent").contains(odd));
    assert_eq!(page.count("performance.getEntriesByType('resource').length"), 0);
}

#[test]
fn states_differ_by_sign_and_light_and_dark_by_colour() {
    let home = Environment::new();
    let file = large(&home);
    let mut page = Page::open(&home, &file);
    let background = "getComputedStyle(document.body).backgroundColor";
    let light = page.text(background);
    page.prefer_dark();
    assert_ne!(page.text(background), light);
    let signs =
        page.text("[...document.querySelectorAll('.controls label span')].map(span => span.textContent[0]).join('')");
    assert_eq!(signs, "✖✔◎");
    let names = page.text("[...document.querySelectorAll('.row')].slice(0, 9).map(row => row.textContent[0]).join('')");
    assert_eq!(names, "◎✔✔✔✔✔✔✖✔", "each row begins with the sign of its state");
}

#[test]
fn a_real_retry_is_compared_with_the_attempt_before() {
    let home = Environment::new();
    let workflow = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"},
        "spec": support::runs::steps(&[("one", "echo first"), ("two", "echo second; test $RETRY_INDICATOR")]),
    });
    home.write("w.json", workflow.to_string());
    assert_eq!(home.run(["submit", "--local", "-q", "w.json"]).code, Some(3));
    home.run(["retry", "--local", "-q", "w", "--name", "v"]).good();
    let mut page = Page::open(&home, &report(&home, "v"));
    let comparison = page.text("document.getElementById('comparison').textContent");
    for part in ["Compared with w, attempt 1", "✔ ran", "◎ cached", "✖ failed"] {
        assert!(comparison.contains(part), "{part} is not in {comparison}");
    }
    assert_eq!(page.count("document.querySelectorAll('#graph rect').length"), 2);
    page.press("Home");
    page.press("ArrowDown");
    let detail = page.text("document.getElementById('detail').textContent");
    assert!(detail.contains("second"), "the log is shown: {detail}");
    assert_eq!(page.errors(), "");
}
