//! `--fix`: writes files again, with what is mechanical put right.

use std::path::Path;

use super::files::Text;
use super::linter::Linter;
use crate::argo::check::fixed;
use crate::argo::document::{Source, parse};
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::file::replace::{Readers, replace};

/// A file is put right so often: what one change uncovers another may put right.
const MAX_FIXES: usize = 5;

impl Linter<'_> {
    /// The text with what is mechanical put right, and the number of changes; the file is written if there are any.
    pub(super) fn fix(&self, of: &Text, source: Source) -> Result<(Source, usize), Failure> {
        let Ok(mut text) = String::from_utf8(source.text.clone()) else { return Ok((source, 0)) };
        let mut changes = 0;
        for _ in 0..MAX_FIXES {
            let current = Source { name: source.name.clone(), text: text.clone().into_bytes() };
            let Ok(parsed) = parse(&current) else { break };
            let (next, made) = fixed(&text, &parsed.documents, &self.options, &|finding| !self.leaves_out(finding));
            if made == 0 {
                break;
            }
            text = next;
            changes += made;
        }
        if changes == 0 {
            return Ok((source, 0));
        }
        if !matches!(of, Text::File(..)) {
            return Err(Failure::usage(format!("--fix needs files, and {} is none", source.name)));
        }
        replace(Path::new(&source.name), Readers::Umask, text.as_bytes())
            .map_err(|error| Failure::new(Exit::Tool, format!("cannot write {}: {error}", source.name)))?;
        Ok((Source { name: source.name, text: text.into_bytes() }, changes))
    }
}
