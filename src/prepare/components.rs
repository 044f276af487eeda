//! Strongly connected components of a graph.

/// What Tarjan's algorithm knows of a node.
#[derive(Clone, Copy, Default)]
struct Mark {
    /// Order of discovery, from 1; 0 is undiscovered.
    order: usize,
    /// The earliest node on the stack that is reached from here.
    low: usize,
    on_stack: bool,
}

/// The components of a graph given as lists of successors; a component comes after all that it leads to.
/// Tarjan's algorithm with its own stack, for a chain of calls can be long.
pub(super) fn components(successors: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut marks = vec![Mark::default(); successors.len()];
    let mut stack = Vec::new();
    let mut found = Vec::new();
    let mut order = 0;
    for root in 0..successors.len() {
        if marks[root].order > 0 {
            continue;
        }
        let mut path = vec![(root, 0)];
        while let Some(&(node, next)) = path.last() {
            if next == 0 && marks[node].order == 0 {
                order += 1;
                marks[node] = Mark { order, low: order, on_stack: true };
                stack.push(node);
            }
            if let Some(&successor) = successors[node].get(next) {
                if let Some(top) = path.last_mut() {
                    top.1 += 1;
                }
                if marks[successor].order == 0 {
                    path.push((successor, 0));
                } else if marks[successor].on_stack {
                    marks[node].low = marks[node].low.min(marks[successor].order);
                }
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                marks[parent].low = marks[parent].low.min(marks[node].low);
            }
            if marks[node].low == marks[node].order {
                let start = stack.iter().rposition(|member| *member == node).unwrap_or_default();
                let component = stack.split_off(start);
                for &member in &component {
                    marks[member].on_stack = false;
                }
                found.push(component);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callees_come_before_callers_and_cycles_together() {
        let mut found = components(&[vec![1], vec![2, 3], vec![1], vec![3], vec![0]]);
        for component in &mut found {
            component.sort_unstable();
        }
        assert_eq!(found, [vec![3], vec![1, 2], vec![0], vec![4]]);
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let chain: Vec<Vec<usize>> =
            (1..=200_000).map(|next| if next < 200_000 { vec![next] } else { vec![] }).collect();
        assert_eq!(components(&chain).len(), 200_000);
    }
}
