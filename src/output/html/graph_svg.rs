//! A graph as SVG: boxes in columns from left to right.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::escaped;
use crate::report::graph::{Graph, GraphBox};

const WIDTH: usize = 190;
const HEIGHT: usize = 44;
const GAP_X: usize = 50;
const GAP_Y: usize = 14;
/// Longer names are cut in the middle.
const LETTERS: usize = 24;

/// The drawing.
pub(super) fn svg(graph: &Graph) -> String {
    let columns = graph.columns();
    let rows = rows(graph, &columns);
    let place = |at: usize| (10 + columns[at] * (WIDTH + GAP_X), 10 + rows[at] * (HEIGHT + GAP_Y));
    let width = 20 + (columns.iter().max().unwrap_or(&0) + 1) * (WIDTH + GAP_X) - GAP_X;
    let height = 20 + (rows.iter().max().unwrap_or(&0) + 1) * (HEIGHT + GAP_Y) - GAP_Y;
    let mut text = format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Graph of the work\">"
    );
    for &(from, to) in &graph.arrows {
        let ((x, y), (to_x, to_y)) = (place(from), place(to));
        let (x, y, to_y) = (x + WIDTH, y + HEIGHT / 2, to_y + HEIGHT / 2);
        let middle = x.midpoint(to_x);
        let end = to_x.saturating_sub(6);
        let _ = write!(
            text,
            "<path d=\"M{x} {y}C{middle} {y} {middle} {to_y} {end} {to_y}\"/><path class=\"arrow\" d=\"M{to_x} {to_y}l-7 -4v8z\"/>"
        );
    }
    for (at, one) in graph.boxes.iter().enumerate() {
        draw(&mut text, one, place(at));
    }
    text.push_str("</svg>");
    text
}

/// The row of each box in its column: near the rows of what comes before it.
fn rows(graph: &Graph, columns: &[usize]) -> Vec<usize> {
    let mut in_column: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, column) in columns.iter().enumerate() {
        in_column.entry(*column).or_default().push(at);
    }
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); columns.len()];
    for &(from, to) in &graph.arrows {
        before[to].push(from);
    }
    let mut rows = vec![0; columns.len()];
    for boxes in in_column.values_mut() {
        boxes.sort_by_key(|&at| {
            (before[at].iter().map(|&from| rows[from] * 100).sum::<usize>() / before[at].len().max(1), at)
        });
        for (row, &at) in boxes.iter().enumerate() {
            rows[at] = row;
        }
    }
    rows
}

fn draw(text: &mut String, one: &GraphBox, (x, y): (usize, usize)) {
    let class = one.state().map_or("", |state| state.word());
    let sign = one.state().map(|state| format!("{} ", state.sign())).unwrap_or_default();
    let count = if one.count > 1 { format!(" × {}", one.count) } else { String::new() };
    let states: Vec<String> = one.states.iter().map(|(state, count)| format!("{count} {}", state.word())).collect();
    let _ = write!(
        text,
        "<g class=\"box-{class}\"><title>{}, template {}: {}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"5\"/>\
         <text x=\"{}\" y=\"{}\"><tspan class=\"{class}\">{sign}</tspan>{}{count}</text><text class=\"sub\" x=\"{}\" y=\"{}\">{}</text></g>",
        escaped(&one.name),
        escaped(&one.template),
        states.join(", "),
        x + 9,
        y + 18,
        escaped(&cut(&one.name)),
        x + 9,
        y + 35,
        escaped(&cut(&if states.len() > 1 { states.join(", ") } else { one.template.clone() })),
    );
}

/// A long name without its middle.
fn cut(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= LETTERS {
        return name.to_owned();
    }
    let half = (LETTERS - 1) / 2;
    let (start, end) = (&letters[..LETTERS - 1 - half], &letters[letters.len() - half..]);
    format!("{}…{}", start.iter().collect::<String>(), end.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_stands_right_of_what_comes_before_it() {
        let one = |name: &str| GraphBox { name: name.to_owned(), ..GraphBox::default() };
        let graph =
            Graph { boxes: vec![one("a"), one("b"), one("c<")], arrows: [(0, 2), (1, 2)].into(), ..Graph::default() };
        assert_eq!(rows(&graph, &graph.columns()), [0, 1, 0]);
        let text = svg(&graph);
        assert_eq!((text.matches("<rect").count(), text.matches("class=\"arrow\"").count()), (3, 2));
        assert!(text.contains("c&lt;") && !text.contains("c<"), "{text}");
    }

    #[test]
    fn a_long_name_is_cut_in_the_middle() {
        assert_eq!(cut("abcdefghijklmnopqrstuvwxyz"), "abcdefghijkl…pqrstuvwxyz");
        assert_eq!(cut("short"), "short");
    }
}
