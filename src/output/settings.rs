//! Settings as a table.

use comfy_table::{ContentArrangement, Table, presets};

use super::tree::printable;

/// A setting, as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub name: &'static str,
    /// None if it was not made.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: String,
}

/// One setting a line.
pub(crate) fn table(settings: &[Shown]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["SETTING", "VALUE", "FROM"]);
    for Shown { name, value, origin } in settings {
        table.add_row([(*name).to_owned(), printable(value.as_deref().unwrap_or("-")), origin.clone()]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
