//! What Go says of a text that is no JSON. (encoding/json, scanner.go)

const END: &str = "unexpected end of JSON input";

/// Why a text is no JSON, in Go's words.
pub(crate) fn fault(text: &str) -> Option<String> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    let faulty = scanner.value(0).and_then(|()| match scanner.space() {
        None => Ok(()),
        Some(byte) => Err(unexpected(byte, "after top-level value")),
    });
    faulty.err()
}

/// Why a text is not a list of Go's type.
pub(crate) fn not_a_list(text: &str, of: &str) -> String {
    let found = match text.trim_start().as_bytes().first() {
        Some(b'"') => "string",
        Some(b'{') => "object",
        Some(b't' | b'f') => "bool",
        _ => "number",
    };
    format!("json: cannot unmarshal {found} into Go value of type []{of}")
}

fn unexpected(byte: u8, where_: &str) -> String {
    let shown = match byte {
        b'\'' => "\\'".to_owned(),
        b'"' => "\"".to_owned(),
        // Go takes a byte for a character.
        byte => char::from(byte).escape_debug().to_string(),
    };
    format!("invalid character '{shown}' {where_}")
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
}

/// Go's own limit of depth.
const MAX_DEPTH: usize = 10_000;

impl Scanner<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// The next byte within a number, a literal or an escape: Go takes the end of the text for a space. (scanner.eof)
    fn within(&mut self) -> u8 {
        self.next().unwrap_or(b' ')
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn space(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.peek()
    }

    fn value(&mut self, depth: usize) -> Result<(), String> {
        let first = self.space().ok_or(END)?;
        self.at += 1;
        match first {
            b'{' | b'[' if depth >= MAX_DEPTH => Err("exceeded max depth".to_owned()),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string(),
            b'-' => match self.within() {
                digit @ b'0'..=b'9' => self.number(digit),
                other => Err(unexpected(other, "in numeric literal")),
            },
            digit @ b'0'..=b'9' => self.number(digit),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            other => Err(unexpected(other, "looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), String> {
        if self.space() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            match self.space().ok_or(END)? {
                b'"' => self.at += 1,
                other => return Err(unexpected(other, "looking for beginning of object key string")),
            }
            self.string()?;
            match self.space().ok_or(END)? {
                b':' => self.at += 1,
                other => return Err(unexpected(other, "after object key")),
            }
            self.value(depth + 1)?;
            match self.space().ok_or(END)? {
                b',' => self.at += 1,
                b'}' => break,
                other => return Err(unexpected(other, "after object key:value pair")),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), String> {
        if self.space() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            match self.space().ok_or(END)? {
                b',' => self.at += 1,
                b']' => break,
                other => return Err(unexpected(other, "after array element")),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        loop {
            match self.next().ok_or(END)? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                control if control < 0x20 => return Err(unexpected(control, "in string literal")),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.within() {
            b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => Ok(()),
            b'u' => (0..4).try_for_each(|_| match self.within() {
                digit if digit.is_ascii_hexdigit() => Ok(()),
                other => Err(unexpected(other, "in \\u hexadecimal character escape")),
            }),
            other => Err(unexpected(other, "in string escape code")),
        }
    }

    fn number(&mut self, first: u8) -> Result<(), String> {
        if first != b'0' {
            self.digits();
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self, where_: &str) -> Result<(), String> {
        match self.within() {
            digit if digit.is_ascii_digit() => self.digits(),
            other => return Err(unexpected(other, where_)),
        }
        Ok(())
    }

    /// The rest of a literal whose first letter is read.
    fn literal(&mut self, literal: &str) -> Result<(), String> {
        literal.bytes().skip(1).try_for_each(|expected| match self.within() {
            byte if byte == expected => Ok(()),
            other => Err(unexpected(other, &format!("in literal {literal} (expecting '{}')", char::from(expected)))),
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a b c", "invalid character 'a' looking for beginning of value")]
    #[case("", "unexpected end of JSON input")]
    #[case("[1, 2", "unexpected end of JSON input")]
    #[case("fine", "invalid character 'i' in literal false (expecting 'a')")]
    #[case("[1 2]", "invalid character '2' after array element")]
    #[case("{a: 1}", "invalid character 'a' looking for beginning of object key string")]
    #[case(r#"{"a" 1}"#, "invalid character '1' after object key")]
    #[case(r#"{"a": 1 "b"}"#, "invalid character '\"' after object key:value pair")]
    #[case("1.x", "invalid character 'x' after decimal point in numeric literal")]
    #[case("-x", "invalid character 'x' in numeric literal")]
    #[case("1e", "invalid character ' ' in exponent of numeric literal")]
    #[case("1.", "invalid character ' ' after decimal point in numeric literal")]
    #[case("-", "invalid character ' ' in numeric literal")]
    #[case("[nu", "invalid character ' ' in literal null (expecting 'l')")]
    #[case("\"a", "unexpected end of JSON input")]
    #[case("\"\\", "invalid character ' ' in string escape code")]
    #[case("\"\\u1", "invalid character ' ' in \\u hexadecimal character escape")]
    #[case("01", "invalid character '1' after top-level value")]
    #[case("['a']", "invalid character '\\'' looking for beginning of value")]
    #[case("\"a\nb\"", "invalid character '\\n' in string literal")]
    #[case(r#""\q""#, "invalid character 'q' in string escape code")]
    #[case("é", "invalid character 'Ã' looking for beginning of value")]
    fn a_text_that_is_no_json_is_refused_in_go_s_words(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(fault(text).as_deref(), Some(expected));
    }

    #[rstest]
    #[case(r#" {"a": [1, -2.5e+3, true, null, "\u00e9\n"], "b": {}} "#)]
    #[case("[]")]
    fn json_has_no_fault(#[case] text: &str) {
        assert_eq!(fault(text), None);
    }

    #[test]
    fn what_is_no_list_is_named_by_its_type() {
        assert_eq!(
            not_a_list("\"a\"", "v1alpha1.Item"),
            "json: cannot unmarshal string into Go value of type []v1alpha1.Item"
        );
    }
}
