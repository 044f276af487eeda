//! The files that `lint` is given, or finds below the current directory.

use std::path::{Path, PathBuf};

use crate::argo::document::{Kind, Source, parse};
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::prepare::Templates;

pub(super) const STANDARD_INPUT: &str = "standard input";
/// What every document of Argo holds.
const GROUP: &str = "argoproj.io/";

/// Texts to be linted, in the order in which they were given.
pub(super) struct Files {
    paths: Vec<PathBuf>,
    /// It can be read once.
    standard_input: Option<Source>,
}

impl Files {
    pub(super) fn of(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut files = Self { paths: Vec::new(), standard_input: None };
        for path in paths {
            if path == Path::new("-") {
                files.standard_input = Some(files::read(path)?);
            }
            if path.is_dir() {
                files.walk(path);
            } else {
                files.paths.push(path.clone());
            }
        }
        if paths.is_empty() {
            files.walk(Path::new("."));
            if files.paths.is_empty() {
                return Err(Failure::usage("no workflow file is below the current directory")
                    .hint("name a file or a directory; - is standard input"));
            }
        }
        for path in files.paths.iter().filter(|path| *path != Path::new("-")) {
            std::fs::metadata(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
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
            } else if [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end)) && holds(&path, GROUP) {
                self.paths.push(path.strip_prefix(".").unwrap_or(&path).to_owned());
            }
        }
    }

    /// The texts, read one by one, so that many files take no more memory than one.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        self.paths.iter().filter_map(|path| {
            if path == Path::new("-") {
                return self.standard_input.clone();
            }
            match files::read(path) {
                Ok(source) => Some(source),
                Err(failure) => {
                    failure.report();
                    None
                }
            }
        })
    }

    /// The templates that workflows of all files may call.
    pub(super) fn templates(&self) -> Templates {
        let sources = self.paths.iter().filter(|path| *path == Path::new("-") || holds(path, "WorkflowTemplate"));
        let sources = sources.filter_map(|path| {
            if path == Path::new("-") { self.standard_input.clone() } else { files::read(path).ok() }
        });
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
