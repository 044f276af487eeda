//! `-o jsonpath=…`, `-o custom-columns=…` and `--sort-by`: what kubectl understands by them
//! (<https://kubernetes.io/docs/reference/kubectl/jsonpath/>). What an object lacks is empty, as for kubectl.

mod columns;
mod path;
mod template;

pub(crate) use self::columns::CustomColumns;
pub(crate) use self::path::ObjectPath;
pub(crate) use self::template::JsonPath;

use serde_json::Value;

/// A value as kubectl prints it: text as it is, anything else as JSON.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The place behind the bracket that closes the one at the beginning of a text; quoted text may hold brackets.
fn end_of_brackets(text: &str, [open, close]: [char; 2]) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => drop(letters.next()),
            (Some(begin), letter) if letter == begin => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, letter) if letter == open => depth += 1,
            (None, letter) if letter == close => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + letter.len_utf8());
                }
            }
            _ => {}
        }
    }
    None
}
