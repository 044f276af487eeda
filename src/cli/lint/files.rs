//! The texts that `lint` is given, or finds below the current directory.

use std::path::{Path, PathBuf};

use crate::argo::document::{Kind, Source, parse};
use crate::cli::failure::Failure;
use crate::cli::{files, url};
use crate::prepare::Templates;

/// What every document of Argo holds.
const GROUP: &str = "argoproj.io/";
/// What every document with templates for others holds.
const TEMPLATES: &str = "WorkflowTemplate";
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Texts to be linted, in the order in which they were given.
pub(super) struct Files {
    texts: Vec<Text>,
}

/// One of them.
pub(super) enum Text {
    /// A file, and whether it may hold templates that others call.
    File(PathBuf, bool),
    /// What can be read once, or is far away: standard input, a URL.
    Held(Source),
}

impl Text {
    pub(super) fn read(&self) -> Result<Source, Failure> {
        match self {
            Self::File(path, _) => files::read(path),
            Self::Held(source) => Ok(source.clone()),
        }
    }

    fn may_hold_templates(&self) -> bool {
        matches!(self, Self::Held(_) | Self::File(_, true))
    }
}

impl Files {
    pub(super) fn of(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut files = Self { texts: Vec::new() };
        for path in paths {
            if path == Path::new("-") || url::is_url(path) {
                files.texts.push(Text::Held(files::read(path)?));
            } else if path.is_dir() {
                files.walk(path);
            } else {
                std::fs::metadata(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
                files.texts.push(Text::File(path.clone(), holds(path, TEMPLATES)));
            }
        }
        if paths.is_empty() {
            files.walk(Path::new("."));
            if files.texts.is_empty() {
                return Err(Failure::usage("no workflow file is below the current directory")
                    .hint("name a file, a directory or a URL; - is standard input"));
            }
        }
        Ok(files)
    }

    /// Adds the files of a directory that hold something of Argo, by name; hidden ones are left out.
    fn walk(&mut self, directory: &Path) {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                self.walk(&path);
            } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) && holds(&path, GROUP) {
                let templates = holds(&path, TEMPLATES);
                self.texts.push(Text::File(path.strip_prefix(".").unwrap_or(&path).to_owned(), templates));
            }
        }
    }

    /// The texts. Each is read when it is linted, so that many files take no more memory than a few.
    pub(super) fn texts(&self) -> &[Text] {
        &self.texts
    }

    /// The templates that workflows of all files may call.
    pub(super) fn templates(&self) -> Templates {
        let sources = self.texts.iter().filter(|text| text.may_hold_templates()).filter_map(|text| text.read().ok());
        let documents = sources.filter_map(|source| parse(&source).ok()).flat_map(|parsed| parsed.documents);
        documents
            .filter(|document| matches!(document.kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate))
            .map(|document| document.value)
            .collect()
    }
}

fn holds(path: &Path, text: &str) -> bool {
    std::fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
}
