//! Makes the cells of a table fit the width of a terminal: the last column gives way first, then the widest ones, cut in
//! the middle.

use console::measure_text_width;

use super::tree::without_middle;

/// The space between two columns.
const GAP: usize = 2;
/// No column becomes narrower than this, except for a terminal that has no room for all.
const NARROWEST: usize = 8;

/// The largest width of each column, so that rows with these widths fit.
pub(super) fn limits(widths: &[usize], room: usize) -> Vec<usize> {
    let mut limits = widths.to_vec();
    let total = |limits: &[usize]| limits.iter().sum::<usize>() + GAP * limits.len().saturating_sub(1);
    for least in [NARROWEST, 1] {
        if let Some(last) = limits.last().copied() {
            let excess = total(&limits).saturating_sub(room);
            let least = least.max(if least == 1 { 1 } else { 2 * NARROWEST }).min(last);
            if let Some(column) = limits.last_mut() {
                *column = last.saturating_sub(excess).max(least);
            }
        }
        while total(&limits) > room {
            let Some(widest) = limits.iter_mut().max_by_key(|width| **width).filter(|width| **width > least) else {
                break;
            };
            *widest -= 1;
        }
    }
    limits
}

/// The widths of cells, column by column.
pub(super) fn widths<'a>(rows: impl IntoIterator<Item = &'a Vec<String>>) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = (*width).max(measure_text_width(cell));
        }
    }
    widths
}

/// Cuts cells that are wider than their columns.
pub(super) fn cut(row: Vec<String>, limits: &[usize]) -> Vec<String> {
    row.into_iter().zip(limits).map(|(cell, limit)| without_middle(&cell, *limit).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(limits: &[usize]) -> usize {
        limits.iter().sum::<usize>() + GAP * (limits.len() - 1)
    }

    #[test]
    fn columns_fit_any_terminal() {
        let widths = [30, 9, 4, 8, 9, 24, 7, 120];
        assert_eq!(limits(&widths, 300), widths);
        for room in [200, 80, 40, 24] {
            let limits = limits(&widths, room);
            assert!(total(&limits) <= room, "{room}: {limits:?}");
        }
        assert_eq!(limits(&widths, 200)[..7], widths[..7], "the last column gives way first");
    }

    #[test]
    fn a_cell_keeps_its_ends() {
        assert_eq!(cut(vec!["workflow-a-1".to_owned(), "x".to_owned()], &[7, 5]), ["wor…a-1", "x"]);
    }
}
