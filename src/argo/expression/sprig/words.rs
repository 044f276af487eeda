//! Words and their letters' case.

use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::operators::Outcome;

/// The functions of this family.
pub(super) const NAMES: &[&str] =
    &["title", "untitle", "initials", "swapcase", "snakecase", "camelcase", "kebabcase", "wrap", "wrapWith"];

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    match name {
        "wrap" => {
            arguments.count(2, 2)?;
            Ok(wrap(arguments.text(1)?, arguments.integer(0)?, "\n", false).into())
        }
        "wrapWith" => {
            arguments.count(3, 3)?;
            let line = match arguments.text(1)? {
                "" => "\n",
                line => line,
            };
            Ok(wrap(arguments.text(2)?, arguments.integer(0)?, line, true).into())
        }
        _ => {
            arguments.count(1, 1)?;
            let text = arguments.text(0)?;
            Ok(match name {
                "title" => each_first(text, |c| !(c.is_alphanumeric() || c == '_'), upper),
                "untitle" => each_first(text, char::is_whitespace, lower),
                "initials" => initials(text),
                "swapcase" => swap_case(text),
                "camelcase" => pascal_case(text),
                "snakecase" => connected(text, '_'),
                _ => connected(text, '-'),
            }
            .into())
        }
    }
}

fn upper(c: char) -> char {
    c.to_uppercase().next().unwrap_or(c)
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Changes the first letter of each word.
fn each_first(text: &str, is_separator: impl Fn(char) -> bool, change: impl Fn(char) -> char) -> String {
    let mut is_first = true;
    let changed = text.chars().map(|c| {
        let changed = if is_first && !is_separator(c) { change(c) } else { c };
        is_first = is_separator(c);
        changed
    });
    changed.collect()
}

fn initials(text: &str) -> String {
    text.split_whitespace().filter_map(|word| word.chars().next()).collect()
}

fn swap_case(text: &str) -> String {
    let mut is_first = true;
    let swapped = text.chars().map(|c| {
        if c.is_uppercase() {
            is_first = false;
            lower(c)
        } else if c.is_lowercase() {
            is_first = false;
            upper(c)
        } else {
            is_first = c.is_whitespace();
            c
        }
    });
    swapped.collect()
}

fn is_connector(c: char) -> bool {
    matches!(c, '-' | '_') || c.is_whitespace()
}

/// Joins words with a capital each; connectors at both ends stay.
fn pascal_case(text: &str) -> String {
    let start = text.len() - text.trim_start_matches(is_connector).len();
    let mut result = text[..start].to_owned();
    let mut letters = text[start..].chars();
    let Some(first) = letters.next() else {
        // Of connectors alone, the last comes out twice.
        result.extend(text.chars().next_back());
        return result;
    };
    let mut previous = upper(first);
    let mut in_capitals = first.is_uppercase();
    for letter in letters {
        let mut letter = letter;
        if is_connector(previous) && is_connector(letter) {
            result.push(previous);
            continue;
        }
        if is_connector(previous) {
            in_capitals = letter.is_uppercase();
            letter = upper(letter);
        } else {
            if in_capitals && letter.is_uppercase() {
                letter = lower(letter);
            } else {
                in_capitals = false;
            }
            result.push(previous);
        }
        previous = letter;
    }
    result.push(previous);
    result
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    End,
    Number,
    Capitals,
    Letters,
    Connector,
    Punctuation,
    Other,
}

fn class_of(c: char) -> Class {
    match c {
        _ if is_connector(c) => Class::Connector,
        _ if c.is_uppercase() => Class::Capitals,
        _ if c.is_alphabetic() => Class::Letters,
        _ if c.is_numeric() => Class::Number,
        _ if c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c) => Class::Punctuation,
        _ => Class::Other,
    }
}

/// Takes the next word off: a capitalised one counts as capitals, and capitals leave the last to the word after them.
fn next_word(text: &str) -> (Class, &str, &str) {
    let Some(first) = text.chars().next() else {
        return (Class::End, "", "");
    };
    let class = class_of(first);
    let run = |text: &str, wanted: Class| text.find(|c| class_of(c) != wanted).unwrap_or(text.len());
    let end = match class {
        Class::Capitals => {
            let capitals = run(text, Class::Capitals);
            let letters = run(&text[capitals..], Class::Letters);
            let last = text[..capitals].char_indices().next_back().map_or(0, |(index, _)| index);
            match (letters, last) {
                (0, _) => capitals,
                (letters, 0) => capitals + letters,
                (_, last) => last,
            }
        }
        class => run(text, class),
    };
    (class, &text[..end], &text[end..])
}

/// Joins lower-case words with a connector.
fn connected(text: &str, connector: char) -> String {
    let mut result = String::new();
    let write = |result: &mut String, class: Class, word: &str| match class {
        Class::Capitals => result.extend(word.chars().map(lower)),
        Class::Connector => result.extend(word.chars().map(|_| connector)),
        _ => result.push_str(word),
    };
    let ends_word = |class: Class| matches!(class, Class::Connector | Class::Punctuation);
    let (mut class, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if class != Class::Connector {
            write(&mut result, class, word);
        }
        let (before, before_word) = (class, word);
        (class, word, rest) = next_word(rest);
        match before {
            Class::Number => {
                while matches!(class, Class::Letters | Class::Number) {
                    write(&mut result, class, word);
                    (class, word, rest) = next_word(rest);
                }
                if class != Class::End && !ends_word(class) {
                    result.push(connector);
                }
            }
            Class::Connector => write(&mut result, before, before_word),
            Class::Punctuation => {}
            _ if class != Class::Number => {
                if !ends_word(class) {
                    result.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (class, word, rest) = next_word(rest);
                if class != Class::Letters {
                    write(&mut result, Class::Number, number);
                    if !ends_word(class) {
                        result.push(connector);
                    }
                    continue;
                }
                // Letters after a number make it the beginning of a word.
                result.push(connector);
                write(&mut result, Class::Number, number);
                while matches!(class, Class::Letters | Class::Number) {
                    write(&mut result, class, word);
                    (class, word, rest) = next_word(rest);
                }
                if class != Class::End && !ends_word(class) {
                    result.push(connector);
                }
            }
        }
    }
    write(&mut result, class, word);
    result
}

/// Breaks a line at spaces; a word that is too long is cut only if `cut` is set. Lengths are in bytes.
fn wrap(text: &str, width: i64, line: &str, cut: bool) -> String {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let bytes = text.as_bytes();
    let mut wrapped: Vec<u8> = Vec::new();
    let mut offset = 0;
    while bytes.len() - offset > width {
        if bytes[offset] == b' ' {
            offset += 1;
            continue;
        }
        let window = &bytes[offset..=offset + width];
        let space = match window.iter().rposition(|byte| *byte == b' ') {
            Some(space) => Some(offset + space),
            None if cut => None,
            None => bytes[offset + width..].iter().position(|byte| *byte == b' ').map(|space| offset + width + space),
        };
        match space {
            Some(space) => {
                wrapped.extend_from_slice(&bytes[offset..space]);
                wrapped.extend_from_slice(line.as_bytes());
                offset = space + 1;
            }
            None if cut => {
                wrapped.extend_from_slice(&bytes[offset..offset + width]);
                wrapped.extend_from_slice(line.as_bytes());
                offset += width;
            }
            None => break,
        }
    }
    wrapped.extend_from_slice(&bytes[offset..]);
    String::from_utf8_lossy(&wrapped).into_owned()
}
