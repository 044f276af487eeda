//! The nodes of a run as a tree, large fan-outs folded.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;

use console::{Style, measure_text_width, truncate_str};
use jiff::{SignedDuration, Timestamp};

use super::stream::{stdout_colors, stdout_width};
use crate::argo::status::{Node, NodeType, Phase};

/// Longer names do not widen the column of names.
const MAX_TITLE: usize = 60;

/// How a tree is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Use colours.
    pub(crate) color: bool,
    /// The number of siblings shown before the rest is folded into one line; `None` folds nothing.
    pub(crate) fold: Option<usize>,
    /// The maximum number of lines; `None` for all.
    pub(crate) lines: Option<usize>,
    /// The maximum width of a line; `None` for any.
    pub(crate) width: Option<usize>,
    /// The current time, for durations of running nodes.
    pub(crate) now: Timestamp,
    /// Whether running nodes are lost, because the process of their run was killed.
    pub(crate) lost: bool,
}

impl Look {
    /// For standard output: within the width of a terminal, and with colours there.
    pub(crate) fn of_stdout(fold: Option<usize>, now: Timestamp) -> Self {
        Self { color: stdout_colors(), fold, width: stdout_width(), ..Self::plain(now) }
    }

    /// Everything, without colours.
    pub(crate) fn plain(now: Timestamp) -> Self {
        Self { color: false, fold: None, lines: None, width: None, now, lost: false }
    }
}

/// Draws the nodes as a tree, one line per node.
pub(crate) fn draw(nodes: &[Node], look: Look) -> String {
    let rows = rows(nodes, &children(nodes), look);
    let (shown, left_out) = match look.lines {
        Some(lines) if rows.len() > lines => rows.split_at(lines.saturating_sub(1)),
        _ => (&rows[..], &[][..]),
    };
    let mut text = lines(shown, look);
    if !left_out.is_empty() {
        let _ = writeln!(text, "… {} more lines", left_out.len());
    }
    text
}

/// Rows as lines: names in one column, cut in the middle if they are too long for the width.
pub(super) fn lines(rows: &[Row], look: Look) -> String {
    let widest = look.width.map_or(MAX_TITLE, |width| MAX_TITLE.min(width * 2 / 3));
    let title_width = rows.iter().map(Row::title_width).max().unwrap_or(0).min(widest);
    let mut text = String::new();
    for row in rows {
        let title = row.title(look.width.map(|_| title_width));
        let padding = " ".repeat(title_width.saturating_sub(measure_text_width(&title)));
        let line = format!("{title}{padding}  {}", row.detail);
        let line = truncated(line.trim_end(), look.width);
        let _ = writeln!(text, "{line}");
    }
    text
}

fn truncated(text: &str, width: Option<usize>) -> Cow<'_, str> {
    width.map_or(Cow::Borrowed(text), |width| truncate_str(text, width, "…"))
}

/// A text without its middle, if it is wider than this.
pub(super) fn without_middle(text: &str, width: usize) -> Cow<'_, str> {
    if measure_text_width(text) <= width {
        return Cow::Borrowed(text);
    }
    let (mut start, mut end) = (String::new(), String::new());
    let mut letters = text.chars();
    // The end tells similar names apart: it gets no less than the start.
    while let Some(letter) = letters.next_back() {
        end.insert(0, letter);
        if measure_text_width(&end) > width / 2 {
            end.remove(0);
            break;
        }
    }
    let left = width.saturating_sub(measure_text_width(&end) + 1);
    for letter in text.chars() {
        start.push(letter);
        if measure_text_width(&start) > left {
            start.pop();
            break;
        }
    }
    Cow::Owned(format!("{start}…{end}"))
}

/// A line of a tree.
pub(super) struct Row {
    /// The branches before the sign.
    pub(crate) lead: String,
    /// The sign, perhaps with colour codes.
    pub(crate) sign: String,
    /// The name.
    pub(crate) label: String,
    /// What follows in the next column.
    pub(crate) detail: String,
}

impl Row {
    fn title_width(&self) -> usize {
        let sign = measure_text_width(&self.sign);
        measure_text_width(&self.lead) + sign + usize::from(sign > 0) + measure_text_width(&self.label)
    }

    fn title(&self, width: Option<usize>) -> String {
        let space = if self.sign.is_empty() { "" } else { " " };
        let before = self.title_width() - measure_text_width(&self.label);
        let label = width.map_or(Cow::Borrowed(self.label.as_str()), |width| {
            without_middle(&self.label, width.saturating_sub(before).max(1))
        });
        let title = format!("{}{}{space}{label}", self.lead, self.sign);
        truncated(&title, width).into_owned()
    }
}

fn rows(nodes: &[Node], below: &[Vec<usize>], look: Look) -> Vec<Row> {
    let mut rows = Vec::new();
    let roots = below.last().map(Vec::as_slice).unwrap_or_default();
    for &root in roots {
        push(&mut rows, nodes, below, look, root, "", "");
    }
    rows
}

fn push(rows: &mut Vec<Row>, nodes: &[Node], below: &[Vec<usize>], look: Look, place: usize, lead: &str, indent: &str) {
    let node = &nodes[place];
    rows.push(Row { lead: lead.to_owned(), sign: mark(node, look), label: label(node), detail: detail(node, look) });
    let all = &below[place];
    let (shown, folded) = fold(nodes, all, look.fold);
    for (at, &child) in shown.iter().enumerate() {
        let last = at + 1 == shown.len() && folded.is_empty();
        let (branch, next) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        push(rows, nodes, below, look, child, &format!("{indent}{branch}"), &format!("{indent}{next}"));
    }
    if !folded.is_empty() {
        let (lead, label) = (format!("{indent}└─ "), format!("… {} more", folded.len()));
        rows.push(Row { lead, sign: String::new(), label, detail: counts(nodes, &folded) });
    }
}

/// Splits children into shown and folded ones. Failed and running ones are shown first; the order stays.
fn fold(nodes: &[Node], all: &[usize], limit: Option<usize>) -> (Vec<usize>, Vec<usize>) {
    let Some(limit) = limit.filter(|&limit| all.len() > limit) else { return (all.to_vec(), Vec::new()) };
    let weight = |place: usize| match nodes[place].phase {
        Phase::Failed | Phase::Error => 0,
        Phase::Running => 1,
        Phase::Pending => 3,
        _ => 2,
    };

    let mut order: Vec<usize> = all.to_vec();
    order.sort_by_key(|&place| weight(place));
    let mut shown = order[..limit].to_vec();
    let mut folded = order[limit..].to_vec();
    shown.sort_unstable();
    folded.sort_unstable();
    (shown, folded)
}

fn counts(nodes: &[Node], places: &[usize]) -> String {
    let phases =
        [Phase::Succeeded, Phase::Running, Phase::Pending, Phase::Failed, Phase::Error, Phase::Skipped, Phase::Omitted];
    let counts = phases.into_iter().filter_map(|phase| {
        let count = places.iter().filter(|&&place| nodes[place].phase == phase).count();
        (count > 0).then(|| format!("{count} {}", phase.as_str()))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// For each node the indices of its children in the tree; the last entry holds the roots. The parent of a node is the
/// node with the longest name that is a prefix of its own. Step groups are not drawn.
fn children(nodes: &[Node]) -> Vec<Vec<usize>> {
    let by_name: HashMap<&str, usize> =
        nodes.iter().enumerate().map(|(place, node)| (node.name.as_str(), place)).collect();
    let mut below = vec![Vec::new(); nodes.len() + 1];
    for (place, node) in nodes.iter().enumerate() {
        if node.kind == NodeType::StepGroup && node.message.is_empty() {
            continue;
        }
        below[parent(&node.name, nodes, &by_name).unwrap_or(nodes.len())].push(place);
    }
    below
}

fn parent(name: &str, nodes: &[Node], by_name: &HashMap<&str, usize>) -> Option<usize> {
    let mut prefix = name;
    while let Some(end) = prefix.rfind(['.', '[', '(']) {
        prefix = &prefix[..end];
        if let Some(&place) = by_name.get(prefix)
            && nodes[place].kind != NodeType::StepGroup
        {
            return Some(place);
        }
    }
    None
}

/// The sign of a phase.
fn mark(node: &Node, look: Look) -> String {
    let cached = node.memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
    let (sign, style) = match node.phase {
        Phase::Running if look.lost => ("‽", Style::new().red()),
        Phase::Succeeded if cached => ("◎", Style::new().green()),
        Phase::Succeeded => ("✔", Style::new().green()),
        Phase::Failed => ("✖", Style::new().red()),
        Phase::Error => ("⚠", Style::new().red()),
        Phase::Running => ("●", Style::new().cyan()),
        Phase::Pending => ("◷", Style::new().yellow()),
        Phase::Skipped | Phase::Omitted => ("○", Style::new().dim()),
    };
    style.force_styling(look.color).apply_to(sign).to_string()
}

fn label(node: &Node) -> String {
    let name = if node.kind == NodeType::StepGroup {
        "group ".to_owned() + &node.display_name
    } else {
        node.display_name.clone()
    };
    printable(&name)
}

fn detail(node: &Node, look: Look) -> String {
    let cached = node.memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
    let mut parts = Vec::new();
    if matches!(node.phase, Phase::Skipped | Phase::Omitted) || node.phase.is_unsuccessful() {
        parts.push(node.phase.as_str().to_owned());
    }
    if look.lost && node.phase == Phase::Running {
        parts.push("lost".to_owned());
        return parts.join("  ");
    }

    if cached {
        parts.push("cached".to_owned());
    } else if !matches!(node.phase, Phase::Skipped | Phase::Omitted | Phase::Pending) {
        let end = node.finished_at.unwrap_or(look.now);
        parts.extend(node.started_at.map(|start| elapsed(end.duration_since(start))));
    }
    if !node.message.is_empty() {
        parts.push(printable(&node.message));
    }
    parts.join("  ")
}

/// A short form of a duration: `0.2s`, `12s`, `3m05s`, `2h07m`.
pub(crate) fn elapsed(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..10 => format!("{:.1}s", duration.as_secs_f64().max(0.0)),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Replaces control characters, so that text from a workflow stays on one line and cannot control the terminal.
pub(crate) fn printable(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, display_name: &str, kind: NodeType, phase: Phase) -> Node {
        let document = serde_json::json!({
            "id": name, "name": name, "displayName": display_name, "type": kind, "phase": phase,
        });
        serde_json::from_value(document).unwrap_or_else(|error| panic!("{error}"))
    }

    const LOOK: Look =
        Look { color: false, fold: Some(2), lines: None, width: None, now: Timestamp::UNIX_EPOCH, lost: false };

    #[test]
    fn a_tree_follows_the_names() {
        let nodes = [
            node("wf", "wf", NodeType::Steps, Phase::Running),
            node("wf[0]", "[0]", NodeType::StepGroup, Phase::Running),
            node("wf[0].a", "a", NodeType::Retry, Phase::Running),
            node("wf[0].a(0)", "a(0)", NodeType::Pod, Phase::Failed),
            node("wf[0].a(1)", "a(1)", NodeType::Pod, Phase::Running),
            node("wf[0].b", "b", NodeType::Skipped, Phase::Skipped),
            node("wf.onExit", "wf.onExit", NodeType::Pod, Phase::Pending),
        ];
        assert_eq!(
            draw(&nodes, Look { fold: None, ..LOOK }),
            "● wf\n├─ ● a\n│  ├─ ✖ a(0)    Failed\n│  └─ ● a(1)\n├─ ○ b          Skipped\n└─ ◷ wf.onExit\n"
        );
    }

    #[test]
    fn a_wide_fan_out_is_folded_and_failures_stay() {
        let mut nodes = vec![node("wf", "wf", NodeType::Dag, Phase::Running)];
        for item in 0..5 {
            let phase = if item == 3 { Phase::Failed } else { Phase::Succeeded };
            nodes.push(node(&format!("wf.a({item}:x)"), &format!("a({item}:x)"), NodeType::Pod, phase));
        }
        assert_eq!(draw(&nodes, LOOK), "● wf\n├─ ✔ a(0:x)\n├─ ✖ a(3:x)  Failed\n└─ … 3 more  3 Succeeded\n");
    }

    #[test]
    fn a_tree_fits_its_terminal() {
        let mut nodes = vec![node("wf", "wf", NodeType::Dag, Phase::Failed)];
        nodes.extend((0..9).map(|item| node(&format!("wf.a{item}"), &"long".repeat(9), NodeType::Pod, Phase::Failed)));
        let look = Look { color: true, fold: None, lines: Some(4), width: Some(20), ..LOOK };
        let drawing = draw(&nodes, look);
        assert_eq!(drawing.lines().count(), 4, "{drawing}");
        assert!(drawing.ends_with("… 7 more lines\n"), "{drawing}");
        assert!(drawing.lines().all(|line| measure_text_width(line) <= 20), "{drawing}");
    }

    #[test]
    fn a_long_name_is_cut_in_the_middle() {
        assert_eq!(without_middle("a-long-name(12:x)", 11), "a-lon…12:x)");
        assert_eq!(without_middle("short", 5), "short");
        assert_eq!(measure_text_width(&without_middle("日本語日本語日本語", 9)), 9);
    }

    #[test]
    fn a_message_cannot_control_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
