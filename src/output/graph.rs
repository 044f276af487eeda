//! A graph as Mermaid (Markdown of GitHub and others draws it) and as DOT (Graphviz draws it). No text from a workflow
//! ends its field.

use std::fmt::Write;

use super::tree::printable;
use crate::report::graph::{Graph, GraphBox};
use crate::report::node_state::State;

/// A flowchart of Mermaid.
pub(crate) fn mermaid(graph: &Graph) -> String {
    let mut text = String::from("flowchart LR\n");
    mermaid_within(&mut text, graph, None, 1);
    for (from, to) in &graph.arrows {
        let _ = writeln!(text, "  n{from} --> n{to}");
    }
    for state in State::ALL {
        let of_state = graph.boxes.iter().enumerate().filter(|(_, one)| one.state() == Some(state));
        let names: Vec<String> = of_state.map(|(place, _)| format!("n{place}")).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "  classDef {} {}", state.word(), mermaid_style(state));
            let _ = writeln!(text, "  class {} {}", names.join(","), state.word());
        }
    }
    if graph.left_out > 0 {
        let _ = writeln!(text, "  %% {} boxes are left out", graph.left_out);
    }
    text
}

fn mermaid_within(text: &mut String, graph: &Graph, within: Option<usize>, depth: usize) {
    let indent = "  ".repeat(depth);
    for (place, one) in graph.boxes.iter().enumerate().filter(|(_, one)| one.group == within) {
        let _ = writeln!(text, "{indent}n{place}[\"{}\"]", mermaid_text(&label(one)));
    }
    for (place, group) in graph.groups.iter().enumerate().filter(|(_, group)| group.within == within) {
        let _ = writeln!(text, "{indent}subgraph g{place}[\"{}\"]", mermaid_text(&group.name));
        mermaid_within(text, graph, Some(place), depth + 1);
        let _ = writeln!(text, "{indent}end");
    }
}

/// The lines of a box: sign, name and count; template; note. Between them is a character that no text contains.
fn label(one: &GraphBox) -> String {
    let sign = one.state().map(|state| format!("{} ", state.sign())).unwrap_or_default();
    let count = if one.count > 1 { format!(" × {}", one.count) } else { String::new() };
    let mut lines = vec![format!("{sign}{}{count}", printable(&one.name))];
    if !one.template.is_empty() && one.template != one.name {
        lines.push(printable(&one.template));
    }
    if one.states.len() > 1 {
        let states: Vec<String> = one.states.iter().map(|(state, count)| format!("{count} {}", state.word())).collect();
        lines.push(states.join(", "));
    }
    if !one.note.is_empty() {
        lines.push(printable(&one.note));
    }
    lines.join("\u{1}")
}

/// Mermaid reads a label as HTML with entities of its own form (`#34;`). Everything but letters, digits and blanks is
/// written as an entity.
fn mermaid_text(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\u{1}' => escaped.push_str("<br>"),
            letter if letter.is_alphanumeric() || " -_.,:/".contains(letter) || !letter.is_ascii() => {
                escaped.push(letter);
            }
            letter => {
                let _ = write!(escaped, "#{};", u32::from(letter));
            }
        }
    }
    escaped
}

fn mermaid_style(state: State) -> &'static str {
    match state {
        State::Failed | State::Lost => "fill:#fde0dd,stroke:#b3261e,stroke-width:3px,color:#000",
        State::Cached => "fill:#e8def8,stroke:#5b3f99,stroke-dasharray:5 3,color:#000",
        State::Ran => "fill:#dcf5e3,stroke:#1b7f3b,color:#000",
        State::Running => "fill:#d8ecfd,stroke:#0b62b3,stroke-width:2px,color:#000",
        State::Waiting | State::Skipped => "fill:#f1f1f1,stroke:#777777,stroke-dasharray:2 3,color:#000",
    }
}

/// A digraph of DOT.
pub(crate) fn dot(graph: &Graph, title: &str) -> String {
    let mut text =
        format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n", dot_text(title));
    dot_within(&mut text, graph, None, 1);
    for (from, to) in &graph.arrows {
        let _ = writeln!(text, "  n{from} -> n{to};");
    }
    if graph.left_out > 0 {
        let _ = writeln!(text, "  // {} boxes are left out", graph.left_out);
    }
    text.push_str("}\n");
    text
}

fn dot_within(text: &mut String, graph: &Graph, within: Option<usize>, depth: usize) {
    let indent = "  ".repeat(depth);
    for (place, one) in graph.boxes.iter().enumerate().filter(|(_, one)| one.group == within) {
        let style = one.state().map(dot_style).unwrap_or_default();
        let _ = writeln!(text, "{indent}n{place} [label={}{style}];", dot_text(&label(one)));
    }
    for (place, group) in graph.groups.iter().enumerate().filter(|(_, group)| group.within == within) {
        let _ = writeln!(text, "{indent}subgraph cluster_{place} {{\n{indent}  label={};", dot_text(&group.name));
        dot_within(text, graph, Some(place), depth + 1);
        let _ = writeln!(text, "{indent}}}");
    }
}

/// A quoted text: only quotes and backslashes have a meaning in it (<https://graphviz.org/doc/info/lang.html>).
fn dot_text(text: &str) -> String {
    let escaped = printable(&text.replace('\u{1}', "\u{2028}")).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\u{2028}', "\\n"))
}

fn dot_style(state: State) -> &'static str {
    match state {
        State::Failed | State::Lost => ", color=\"#b3261e\", penwidth=3, shape=octagon",
        State::Cached => ", color=\"#5b3f99\", style=dashed",
        State::Ran => ", color=\"#1b7f3b\"",
        State::Running => ", color=\"#0b62b3\", penwidth=2",
        State::Waiting | State::Skipped => ", color=\"#777777\", style=dotted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::graph::Group;

    fn graph() -> Graph {
        let one = |name: &str, state: Option<State>, group| GraphBox {
            name: name.to_owned(),
            template: "t".to_owned(),
            count: state.map_or(0, |_| 2),
            states: state.into_iter().map(|state| (state, 2)).collect(),
            note: String::new(),
            group,
        };
        Graph {
            boxes: vec![
                one("a", Some(State::Ran), None),
                one("b\"];\n end <script>#quot;\\", Some(State::Failed), Some(0)),
            ],
            arrows: [(0, 1)].into(),
            groups: vec![Group { name: "in\"ner".to_owned(), within: None }],
            left_out: 0,
        }
    }

    #[test]
    fn mermaid_has_no_text_that_ends_its_label() {
        assert_eq!(
            mermaid(&graph()),
            "flowchart LR\n  n0[\"✔ a × 2<br>t\"]\n  subgraph g0[\"in#34;ner\"]\n    n1[\"✖ b#34;#93;#59;  end #60;script#62;#35;quot#59;#92; \
             × 2<br>t\"]\n  end\n  n0 --> n1\n  classDef failed fill:#fde0dd,stroke:#b3261e,stroke-width:3px,color:#000\n  class n1 failed\n  \
             classDef ran fill:#dcf5e3,stroke:#1b7f3b,color:#000\n  class n0 ran\n"
        );
    }

    #[test]
    fn dot_has_no_text_that_ends_its_label() {
        let text = dot(&graph(), "w\"");
        assert!(text.starts_with("digraph \"w\\\"\" {\n"), "{text}");
        assert!(text.contains("n0 [label=\"✔ a × 2\\nt\", color=\"#1b7f3b\"];"), "{text}");
        assert!(text.contains("n1 [label=\"✖ b\\\"];  end <script>#quot;\\\\ × 2\\nt\""), "{text}");
        assert!(text.contains("subgraph cluster_0 {\n    label=\"in\\\"ner\";"), "{text}");
    }
}
