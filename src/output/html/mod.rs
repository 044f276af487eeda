//! A run as one HTML file without any reference to a network: facts, failures, graph, timeline, costs, outputs and the
//! comparison with the attempt before. Names and texts of a run are not trusted: they are escaped, and the page's own
//! script is the only one that a browser runs (Content-Security-Policy by hash).

mod graph_svg;

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::failures::{commands_of, headline, origin};
use super::tree::elapsed;
use crate::report::graph::Graph;
use crate::report::node_state::State;
use crate::report::profile::{Output, Profile};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Failures that are shown with their logs.
const FAILURES: usize = 20;
/// Differences to the attempt before that are listed.
const DIFFERENCES: usize = 100;

/// The page.
pub(crate) fn page(profile: &Profile, graph: &Graph, now: Timestamp) -> String {
    let name = escaped(&profile.summary.name);
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{name}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    head(&mut text, profile, now);
    failures(&mut text, profile);
    graph_section(&mut text, graph);
    timeline(&mut text, profile);
    templates(&mut text, profile);
    outputs(&mut text, &profile.outputs);
    comparison(&mut text, profile);
    let signs: BTreeMap<&str, &str> = State::ALL.into_iter().map(|state| (state.word(), state.sign())).collect();
    let data = json!({"tookMs": profile.took_ms(now), "signs": signs, "work": profile.work});
    let _ = write!(
        text,
        "<script type=\"application/json\" id=\"data\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        in_script(&data.to_string())
    );
    text
}

/// Escapes text for HTML, also within attributes. Control characters become blanks.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter if letter.is_control() && letter != '\n' => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

/// JSON within a script element: nothing in it ends the element or opens a comment.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn time(milliseconds: i64) -> String {
    elapsed(SignedDuration::from_millis(milliseconds))
}

fn head(text: &mut String, profile: &Profile, now: Timestamp) {
    let summary = &profile.summary;
    let (sign, class) = match summary.phase.as_str() {
        "Succeeded" => (State::Ran.sign(), "ran"),
        "Running" => (State::Running.sign(), "running"),
        "Pending" => (State::Waiting.sign(), "waiting"),
        _ => (State::Failed.sign(), "failed"),
    };
    let _ = writeln!(
        text,
        "<header>\n<h1><span class=\"{class}\">{sign} {}</span> {}</h1>",
        escaped(&summary.phase),
        escaped(&summary.name)
    );
    if !summary.message.is_empty() {
        let _ = writeln!(text, "<p class=\"{class}\">{}</p>", escaped(&summary.message));
    }
    text.push_str("<dl class=\"facts\">\n");
    let states = profile.states.iter().map(|(state, count)| format!("{} {count} {}", state.sign(), state.word()));
    let critical = profile.critical_path.iter().filter_map(|&place| profile.work.get(place));
    let waited: i64 = critical.map(|item| item.waited_ms).sum();
    let facts = [
        ("namespace", Some(summary.namespace.clone()).filter(|namespace| !namespace.is_empty())),
        ("run id", summary.run_id.clone()),
        ("attempt", summary.attempt.map(|attempt| attempt.to_string())),
        ("retry of", summary.retry_of.clone()),
        ("started", summary.start_time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())),
        ("duration", Some(time(profile.took_ms(now)))),
        ("all work together", Some(time(profile.busy_ms))),
        ("waiting on the critical path", Some(time(waited))),
        ("work", Some(states.collect::<Vec<_>>().join(", "))),
        ("nodes", summary.partial.as_ref().map(ToString::to_string)),
    ];
    for (label, value) in facts {
        if let Some(value) = value {
            let _ = writeln!(text, "<div><dt>{label}</dt><dd>{}</dd></div>", escaped(&value));
        }
    }
    text.push_str("</dl>\n</header>\n<main>\n");
}

fn failures(text: &mut String, profile: &Profile) {
    if profile.failures.is_empty() && profile.commands.is_none() {
        return;
    }
    let _ = writeln!(text, "<section id=\"failures\"><h2>What failed ({})</h2>", profile.failures.len());
    for node in profile.failures.iter().take(FAILURES) {
        let _ = writeln!(
            text,
            "<div class=\"failure\"><h3><span class=\"failed\">✖</span> {}</h3>\n<div class=\"dim\">{}</div>",
            escaped(&headline(node)),
            escaped(&origin(node))
        );
        if !node.log.is_empty() {
            let _ = writeln!(text, "<pre>{}</pre>", escaped(&node.log.join("\n")));
        }
        if let Some(why) = &node.log_missing {
            let _ = writeln!(text, "<div class=\"dim\">no more of its log: {}</div>", escaped(why));
        }
        text.push_str("</div>\n");
    }
    if let Some(commands) = &profile.commands {
        text.push_str("<h3>What to do next</h3>\n<table>\n");
        for (label, command) in commands_of(commands) {
            let _ = writeln!(text, "<tr><td>{label}</td><td><code>{}</code></td></tr>", escaped(&command));
        }
        text.push_str("</table>\n");
    }
    text.push_str("</section>\n");
}

fn graph_section(text: &mut String, graph: &Graph) {
    if graph.boxes.is_empty() {
        return;
    }
    text.push_str("<section id=\"graph\"><h2>Graph</h2>\n");
    let _ = writeln!(
        text,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Graph\">{}</div>",
        graph_svg::svg(graph)
    );
    if graph.left_out > 0 {
        let _ = writeln!(text, "<p class=\"dim\">{} more boxes are not drawn.</p>", graph.left_out);
    }
    text.push_str("</section>\n");
}

fn timeline(text: &mut String, profile: &Profile) {
    text.push_str(
        "<section id=\"timeline\"><h2>Timeline</h2>\n<div class=\"controls\">\n\
         <input type=\"search\" id=\"search\" placeholder=\"Filter by name, template or message\" aria-label=\"Filter\">\n",
    );
    for (state, count) in &profile.states {
        let word = state.word();
        let _ = writeln!(
            text,
            "<label><input type=\"checkbox\" name=\"state\" value=\"{word}\" checked> <span class=\"{word}\">{} {word}</span> {count}</label>",
            state.sign()
        );
    }
    text.push_str(
        "<label><input type=\"checkbox\" id=\"critical\"> ◆ critical path</label>\n\
         <label>order <select id=\"order\"><option value=\"start\">start</option><option value=\"duration\">duration</option>\
         <option value=\"waiting\">waiting</option><option value=\"name\">name</option></select></label>\n\
         <output id=\"count\"></output>\n</div>\n\
         <div id=\"rows\" tabindex=\"0\" role=\"listbox\" aria-label=\"Work in order\"><div id=\"sizer\" role=\"presentation\"></div></div>\n\
         <p class=\"dim\"><kbd>↑</kbd> <kbd>↓</kbd> select, <kbd>/</kbd> filter, <kbd>f</kbd> what failed, <kbd>c</kbd> critical path, \
         <kbd>Esc</kbd> everything. A thin line before a bar is the time between the end of what it follows and its start.</p>\n\
         <div id=\"detail\" aria-live=\"polite\"><span class=\"dim\">Select work to see its outputs and its log.</span></div>\n</section>\n",
    );
}

fn templates(text: &mut String, profile: &Profile) {
    if profile.templates.is_empty() {
        return;
    }
    let resources: std::collections::BTreeSet<&String> =
        profile.templates.iter().flat_map(|cost| cost.resources.keys()).collect();
    let saved = profile.before.is_some();
    text.push_str(
        "<section id=\"templates\"><h2>Cost of each template</h2>\n<table>\n<tr><th>Template</th><th>Work</th>\
         <th class=\"number\">Together</th><th class=\"number\">Longest</th><th class=\"number\">Share</th>",
    );
    if saved {
        text.push_str("<th class=\"number\">Saved by the cache</th>");
    }
    for resource in &resources {
        let _ = write!(text, "<th class=\"number\">{}·s</th>", escaped(resource));
    }
    text.push_str("</tr>\n");
    for cost in &profile.templates {
        let states: Vec<String> =
            cost.states.iter().map(|(state, count)| format!("{} {count} {}", state.sign(), state.word())).collect();
        let share = if profile.busy_ms > 0 { cost.busy_ms * 100 / profile.busy_ms } else { 0 };
        let _ = write!(
            text,
            "<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{share} %</td>",
            escaped(&cost.template),
            states.join(", "),
            time(cost.busy_ms),
            time(cost.longest_ms)
        );
        if saved {
            let _ = write!(text, "<td class=\"number\">{}</td>", time(cost.saved_ms));
        }
        for resource in &resources {
            let amount = cost.resources.get(*resource).map(ToString::to_string).unwrap_or_default();
            let _ = write!(text, "<td class=\"number\">{amount}</td>");
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</table>\n</section>\n");
}

fn outputs(text: &mut String, outputs: &[Output]) {
    if outputs.is_empty() {
        return;
    }
    text.push_str("<section id=\"outputs\"><h2>Outputs</h2>\n<table>\n");
    for Output { name, value } in outputs {
        let _ = writeln!(text, "<tr><td>{}</td><td>{}</td></tr>", escaped(name), escaped(value));
    }
    text.push_str("</table>\n</section>\n");
}

fn comparison(text: &mut String, profile: &Profile) {
    let Some(before) = &profile.before else { return };
    let attempt = before.attempt.map(|attempt| format!(", attempt {attempt}")).unwrap_or_default();
    let took = before.took_ms.map(time).unwrap_or_default();
    let _ = writeln!(
        text,
        "<section id=\"comparison\"><h2>Compared with {}{attempt}</h2>\n<p>It ended as {} after {took}; its work took {} together, this \
         one's {}.</p>",
        escaped(&before.name),
        escaped(&before.phase),
        time(before.busy_ms),
        time(profile.busy_ms)
    );
    let differs = |item: &&crate::report::profile::WorkItem| match (&item.before, item.state) {
        (Some(before), Some(state)) => before.state != state,
        (None, state) => state != Some(State::Skipped),
        (Some(_), None) => false,
    };
    let different: Vec<_> = profile.work.iter().filter(differs).collect();
    if different.is_empty() {
        text.push_str("<p>Everything ended as before.</p>\n</section>\n");
        return;
    }
    text.push_str("<table>\n<tr><th>Work</th><th>Before</th><th>Now</th></tr>\n");
    for item in different.iter().take(DIFFERENCES) {
        let then = item.before.as_ref().map_or_else(
            || "was not there".to_owned(),
            |before| {
                format!(
                    "{} {} {}",
                    before.state.sign(),
                    before.state.word(),
                    before.took_ms.map(time).unwrap_or_default()
                )
            },
        );
        let now = item.state.map(|state| format!("{} {}", state.sign(), state.word())).unwrap_or_default();
        let took = item.took_ms.filter(|_| item.state != Some(State::Cached)).map(time).unwrap_or_default();
        let _ = writeln!(text, "<tr><td>{}</td><td>{then}</td><td>{now} {took}</td></tr>", escaped(&item.path));
    }
    text.push_str("</table>\n");
    if different.len() > DIFFERENCES {
        let _ = writeln!(text, "<p class=\"dim\">… and {} more.</p>", different.len() - DIFFERENCES);
    }
    text.push_str("</section>\n");
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::argo::Workflow;
    use crate::mask::Mask;
    use crate::report::failures::Failures;
    use crate::report::profile::Known;

    const ODD: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&<!--";

    #[test]
    fn no_text_of_a_run_becomes_markup() {
        let workflow = Workflow::from(json!({
            "metadata": {"name": ODD, "namespace": ODD},
            "status": {"phase": ODD, "message": ODD, "outputs": {"parameters": [{"name": ODD, "value": ODD}]}, "nodes": {"a": {
                "id": "a", "name": ODD, "displayName": ODD, "type": "Pod", "phase": "Failed", "message": ODD, "templateName": ODD,
                "outputs": {"result": ODD}, "inputs": {"parameters": [{"name": ODD, "value": ODD}]}}}},
        }));
        let nodes = workflow.nodes();
        let mask = Mask::default();
        let run = Known { workflow: &workflow, nodes: &nodes, mask: &mask, killed: false, store: None };
        let failures = Failures { nodes: Failures::of(&nodes, &mask, false), ..Failures::default() };
        let logs = HashMap::from([("a".to_owned(), vec![ODD.to_owned()])]);
        let profile = Profile::of(run, &failures, &logs, Timestamp::UNIX_EPOCH);
        let graph = Graph::of_run(&nodes, &mask, false, 10);
        let page = page(&profile, &graph, Timestamp::UNIX_EPOCH);
        assert_eq!(page.matches("<script").count(), 2, "the data and the script");
        assert_eq!(page.matches("</script").count(), 2);
        assert!(!page.contains("<img") && !page.contains("<!--"), "{page}");
        assert!(
            !page.contains("http://") && !page.contains("https://") || page.contains("xmlns"),
            "no reference to a network"
        );
    }

    #[test]
    fn data_reads_as_it_was_written() {
        let data = in_script(&json!({"a": ODD}).to_string());
        let read: serde_json::Value = serde_json::from_str(&data).unwrap_or_default();
        assert_eq!(read["a"], ODD);
    }
}
