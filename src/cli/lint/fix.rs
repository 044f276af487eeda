//! `--fix`: writes files again, with what is mechanical put right.

use std::path::Path;

use super::files::Text;
use super::linter::Linter;
use crate::argo::check::fixed;
use crate::argo::document::{Document, Source, parse};
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::file::replace::{Readers, replace};

/// A file is put right so often: what one change uncovers another may put right.
const MAX_FIXES: usize = 5;

/// The documents of a text; none where one of them cannot be read.
fn documents_of(name: &str, text: &str) -> Option<Vec<Document>> {
    let source = Source { name: name.to_owned(), text: text.as_bytes().to_vec() };
    parse(&source).ok().map(|parsed| parsed.documents)
}

impl Linter<'_> {
    /// The text with what is mechanical put right, and the number of changes; the file is written if there are any.
    pub(super) fn fix(&self, of: &Text, source: Source) -> Result<(Source, usize), Failure> {
        let Ok(mut text) = String::from_utf8(source.text.clone()) else { return Ok((source, 0)) };
        let mut changes = 0;
        for _ in 0..MAX_FIXES {
            let Some(documents) = documents_of(&source.name, &text) else { break };
            let (next, made) = fixed(&text, &documents, &self.options, &|finding| !self.leaves_out(finding));
            // A file that can be read is never written as one that cannot.
            if made == 0 || documents_of(&source.name, &next).is_none_or(|next| next.len() != documents.len()) {
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
