//! URLs, taken apart and put together.

use serde_json::{Map, Value, json};

use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::operators::Outcome;

/// The functions of this family.
pub(super) const NAMES: &[&str] = &["urlParse", "urlJoin"];

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    arguments.count(1, 1)?;
    match name {
        "urlParse" => parse(arguments.text(0)?),
        _ => join(arguments.map(0)?),
    }
}

fn parse(url: &str) -> Outcome {
    if url.chars().any(char::is_control) {
        return Err("the URL has a control character".to_owned());
    }
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (scheme, rest) = scheme(rest)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut authority, mut path, mut opaque) = ("", rest, "");
    if let Some(after) = rest.strip_prefix("//") {
        let end = after.find('/').unwrap_or(after.len());
        (authority, path) = after.split_at(end);
    } else if !scheme.is_empty() && !rest.starts_with('/') {
        (opaque, path) = (rest, "");
    }
    let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    Ok(json!({
        "scheme": scheme.to_lowercase(),
        "host": host,
        "hostname": hostname(host),
        "path": decoded(path)?,
        "query": query,
        "opaque": opaque,
        "fragment": decoded(fragment)?,
        "userinfo": userinfo,
    }))
}

fn scheme(url: &str) -> Result<(&str, &str), String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let end = url.find(|c| !is_part(c)).unwrap_or(url.len());
    match url[end..].strip_prefix(':') {
        Some(_) if end == 0 => Err("the URL has no scheme before its colon".to_owned()),
        Some(rest) if url.starts_with(|c: char| c.is_ascii_alphabetic()) => Ok((&url[..end], rest)),
        _ => Ok(("", url)),
    }
}

fn hostname(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or_else(|| "the URL has an invalid escape".to_owned())?);
        rest = &after[2..];
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*".contains(&byte);
    let mut encoded = String::new();
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(format!("%{byte:02X}").chars());
        }
    }
    encoded
}

fn join(parts: &Map<String, Value>) -> Outcome {
    let part = |name: &str| match parts.get(name) {
        None => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(format!("`{name}` must be a string")),
    };
    let (scheme, host, path, userinfo) = (part("scheme")?, part("host")?, part("path")?, part("userinfo")?);
    let (opaque, query, fragment) = (part("opaque")?, part("query")?, part("fragment")?);
    let mut url = String::new();
    if !scheme.is_empty() {
        url = format!("{scheme}:");
    }
    if opaque.is_empty() {
        let has_authority = !host.is_empty() || !userinfo.is_empty();
        if has_authority || (!scheme.is_empty() && !path.is_empty()) {
            url.push_str("//");
        }
        if !userinfo.is_empty() {
            url.extend([userinfo, "@"]);
        }
        url.push_str(host);
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            url.push('/');
        }
        url.push_str(&encoded(path));
    } else {
        url.push_str(opaque);
    }
    if !query.is_empty() {
        url.extend(["?", query]);
    }
    if !fragment.is_empty() {
        url.extend(["#", &encoded(fragment)]);
    }
    Ok(url.into())
}
