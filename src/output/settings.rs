//! Settings as a table.

use super::table::Table;

/// A setting, as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    /// None if it was not made.
    pub(crate) value: Option<String>,
    /// Where it comes from.
    pub(crate) origin: String,
}

/// One setting a line.
pub(crate) fn table(settings: &[Shown], width: Option<usize>) -> String {
    let mut table = Table::new(["SETTING", "VALUE", "FROM"]);
    for Shown { name, value, origin } in settings {
        table.row([*name, value.as_deref().unwrap_or("-"), origin]);
    }
    table.text(width)
}
