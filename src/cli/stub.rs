//! `--stub`: outcomes of nodes that a local run cannot or shall not run.

use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value;

use super::failure::Failure;
use super::files;
use crate::local::stub::Stubs;

/// `--stub NODE|TEMPLATE=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StubArg {
    name: String,
    file: PathBuf,
}

impl FromStr for StubArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut depth = 0_usize;
        // The value of an item, in parentheses, may have a `=` of its own.
        let at = text.find(|letter| {
            match letter {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            letter == '=' && depth == 0
        });
        match at.map(|at| (&text[..at], &text[at + 1..])) {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => {
                Ok(Self { name: name.to_owned(), file: file.into() })
            }
            _ => Err("expected a template or the path of a node, =, and a file, such as deploy=deploy.yaml"),
        }
    }
}

/// The outcomes in the files of the flags.
pub(super) fn read(given: &[StubArg], quiet: bool) -> Result<Stubs, Failure> {
    let mut stubs = Stubs::default();
    for StubArg { name, file } in given {
        let document = Value::Object(files::map(file, quiet)?);
        stubs.add(name, &document).map_err(|error| {
            let message = format!("{}: {error}", file.display());
            Failure::usage(message).hint(
                "such as {\"phase\": \"Failed\", \"message\": \"…\", \"outputs\": {\"parameters\": {\"url\": \"…\"}}}",
            )
        })?;
    }
    Ok(stubs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_ends_at_the_first_equals_sign_outside_of_an_item() {
        let parsed = |text: &str| text.parse().map(|StubArg { name, file }| (name, file.display().to_string()));
        let pair = |name: &str, file: &str| Ok((name.to_owned(), file.to_owned()));
        assert_eq!(parsed("deploy=a=b.yaml"), pair("deploy", "a=b.yaml"));
        assert_eq!(parsed("each(0:k=v)=x.yaml"), pair("each(0:k=v)", "x.yaml"));
        assert!(parsed("deploy").is_err() && parsed("=x").is_err() && parsed("deploy=").is_err());
    }
}
