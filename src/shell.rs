//! Words of a shell, for commands that a user copies from our output.

/// Quotes a text as one word for a shell.
pub(crate) fn word(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "@%+=:,./_-".contains(character);
    let is_plain = !text.is_empty() && text.chars().all(plain);
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word() {
        for (text, expected) in [
            ("load", "load"),
            ("system:serviceaccount:ci:bot", "system:serviceaccount:ci:bot"),
            ("load(0:a b)", "'load(0:a b)'"),
            ("it's $(rm -rf ~)", r"'it'\''s $(rm -rf ~)'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
