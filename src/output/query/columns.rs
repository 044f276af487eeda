//! `-o custom-columns=NAME:.metadata.name,…`.

use std::str::FromStr;

use console::measure_text_width;
use serde_json::Value;

use super::path::ObjectPath;
use super::printed;
use crate::output::tree::printable;

/// What stands for a missing value.
const NONE: &str = "<none>";
/// The space between columns, as kubectl's.
const GAP: usize = 3;

/// The columns with their headers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CustomColumns(Vec<(String, ObjectPath)>);

impl FromStr for CustomColumns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let columns = text.split(',').map(|column| {
            let (header, path) = column
                .split_once(':')
                .filter(|(header, path)| !header.is_empty() && !path.is_empty())
                .ok_or_else(|| format!("expected HEADER:PATH such as NAME:.metadata.name, got {column:?}"))?;
            Ok((header.to_owned(), path.parse()?))
        });
        columns.collect::<Result<_, String>>().map(Self)
    }
}

impl CustomColumns {
    /// The table of objects, one per line.
    pub(crate) fn table(&self, objects: &[Value], headers: bool) -> String {
        let header = headers.then(|| self.0.iter().map(|(header, _)| header.clone()).collect());
        let rows = objects.iter().map(|object| self.0.iter().map(|(_, path)| cell(path, object)).collect());
        let rows: Vec<Vec<String>> = header.into_iter().chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.0.len()).map(width).collect();

        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width + GAP - measure_text_width(cell)));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn cell(path: &ObjectPath, object: &Value) -> String {
    let values: Vec<String> = path.of(object).into_iter().filter(|value| !value.is_null()).map(printed).collect();
    if values.is_empty() { NONE.to_owned() } else { printable(&values.join(",")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_those_of_kubectl() {
        let columns: CustomColumns =
            "NAME:.metadata.name,PHASES:{.status.nodes[*].phase}".parse().unwrap_or_else(|error| panic!("{error}"));
        let objects = [
            json!({"metadata": {"name": "long-name"}, "status": {"nodes": {"a": {"phase": "Failed"}, "b": {"phase": "Running"}}}}),
            json!({"metadata": {"name": "b"}}),
        ];
        assert_eq!(
            columns.table(&objects, true),
            "NAME        PHASES\nlong-name   Failed,Running\nb           <none>\n"
        );
        assert_eq!(columns.table(&objects[1..], false), "b   <none>\n");
        for wrong in ["", "NAME", "NAME:", ":.a", "A:.a,B"] {
            assert!(wrong.parse::<CustomColumns>().is_err(), "{wrong}");
        }
    }
}
