//! Tables without lines, one form for all verbs. On a terminal a table fits its width: the last column gives way first, then
//! the widest ones, cut in the middle; columns that can be spared go before others become too narrow to be read.

use console::measure_text_width;

use super::tree::{printable, without_middle};

/// The space between two columns.
const GAP: usize = 2;
/// What is cut to less than this tells nothing.
const READABLE: usize = 16;
/// No column becomes narrower than this, except for a terminal that has no room for all.
const NARROWEST: usize = 8;

/// A table with a line of names.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    spare: &'static [&'static str],
    has_names: bool,
}

impl Table {
    pub(super) fn new(header: impl IntoIterator<Item = &'static str>) -> Self {
        Self { header: header.into_iter().collect(), rows: Vec::new(), spare: &[], has_names: true }
    }

    /// Names columns that a narrow terminal can do without, the first to go first.
    pub(super) fn sparing(self, spare: &'static [&'static str]) -> Self {
        Self { spare, ..self }
    }

    /// Leaves the line of names out.
    pub(super) fn without_names(self) -> Self {
        Self { has_names: false, ..self }
    }

    /// Adds a line, without what a terminal would take for a command.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        self.rows.push(cells.into_iter().map(|cell| printable(cell.as_ref())).collect());
    }

    /// The lines, for a terminal of this width.
    pub(super) fn text(&self, width: Option<usize>) -> String {
        let columns = Columns::of(self, width);
        self.header(&columns) + &self.body(&columns)
    }

    /// The line of names.
    pub(super) fn header(&self, columns: &Columns) -> String {
        if self.has_names { columns.line(&self.header) } else { String::new() }
    }

    /// The other lines.
    pub(super) fn body(&self, columns: &Columns) -> String {
        self.rows.iter().map(|row| columns.line(row)).collect()
    }

    /// The width that each column asks for.
    fn widths(&self) -> Vec<usize> {
        let of_column = |(number, name): (usize, &&str)| {
            let cells = self.rows.iter().filter_map(|row| row.get(number));
            cells
                .map(|cell| measure_text_width(cell))
                .fold(if self.has_names { measure_text_width(name) } else { 0 }, usize::max)
        };
        self.header.iter().enumerate().map(of_column).collect()
    }
}

/// The columns that are shown, and their widths.
#[derive(Debug)]
pub(super) struct Columns {
    shown: Vec<usize>,
    widths: Vec<usize>,
    /// Of a terminal: no cell becomes wider.
    limits: Option<Vec<usize>>,
}

impl Columns {
    pub(super) fn of(table: &Table, room: Option<usize>) -> Self {
        let asked = table.widths();
        let mut shown: Vec<usize> = (0..asked.len()).collect();
        let Some(room) = room else { return Self { shown, widths: asked, limits: None } };

        let mut spare = table.spare.iter();
        loop {
            let widths: Vec<usize> = shown.iter().map(|column| asked[*column]).collect();
            let limits = limits(&widths, room);
            let is_readable = limits.iter().zip(&widths).all(|(limit, width)| *limit >= READABLE.min(*width));
            let next = if is_readable { None } else { spare.next() };
            match next {
                Some(name) => shown.retain(|column| table.header[*column] != *name),
                None => return Self { shown, widths: limits.clone(), limits: Some(limits) },
            }
        }
    }

    /// Makes room for the lines of another part of the table.
    pub(super) fn grow(&mut self, table: &Table) {
        let asked = table.widths();
        for (number, column) in self.shown.iter().enumerate() {
            let most = self.limits.as_ref().map_or(usize::MAX, |limits| limits[number]);
            self.widths[number] = self.widths[number].max(asked[*column].min(most));
        }
    }

    fn line(&self, cells: &[impl AsRef<str>]) -> String {
        let mut line = String::new();
        for (number, (column, width)) in self.shown.iter().zip(&self.widths).enumerate() {
            let cell = cells.get(*column).map_or("", AsRef::as_ref);
            let most = self.limits.as_ref().map_or(usize::MAX, |limits| limits[number]);
            let cell = without_middle(cell, most);
            line += &cell;
            line += &" ".repeat((width + GAP).saturating_sub(measure_text_width(&cell)));
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

/// The largest width of each column, so that lines with these widths fit.
fn limits(widths: &[usize], room: usize) -> Vec<usize> {
    let mut limits = widths.to_vec();
    let total = |limits: &[usize]| limits.iter().sum::<usize>() + GAP * limits.len().saturating_sub(1);
    for (least, least_of_last) in [(NARROWEST, READABLE), (1, 1)] {
        let excess = total(&limits).saturating_sub(room);
        if let Some(last) = limits.last_mut() {
            *last = last.saturating_sub(excess).max(least_of_last.min(*last));
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

    fn table() -> Table {
        let mut table = Table::new(["NAME", "RUN ID", "MESSAGE"]).sparing(&["RUN ID"]);
        table.row(["nightly-pipeline-x2k9f", "20261121-120751-skauo9", "no\tsuch table"]);
        table.row(["b", "r", ""]);
        table
    }

    #[test]
    fn a_table_is_aligned_and_harmless() {
        let text = table().text(None);
        assert_eq!(
            text,
            "NAME                    RUN ID                  MESSAGE\n\
             nightly-pipeline-x2k9f  20261121-120751-skauo9  no such table\n\
             b                       r\n"
        );
        assert_eq!(table().text(Some(80)), text);
    }

    #[test]
    fn what_can_be_spared_goes_before_names_are_cut() {
        assert_eq!(
            table().text(Some(40)),
            "NAME                    MESSAGE\n\
             nightly-pipeline-x2k9f  no such table\n\
             b\n"
        );
        assert!(table().text(Some(30)).contains("\nnightly…e-x2k9f  no such table\n"), "{}", table().text(Some(30)));
    }

    #[test]
    fn later_lines_are_aligned_with_the_first() {
        let mut columns = Columns::of(&table(), None);
        let mut later = Table::new(["NAME", "RUN ID", "MESSAGE"]);
        later.row(["a-name-that-is-longer-than-all", "r", "x"]);
        columns.grow(&later);
        assert_eq!(later.body(&columns), "a-name-that-is-longer-than-all  r                       x\n");
    }
}
