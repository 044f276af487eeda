//! Images: there before anything starts, and told apart by their ids.

use std::sync::{Arc, PoisonError};

use super::{Choice, Runtime};
use crate::cache::UsedRuntime;

/// When an image is fetched: `imagePullPolicy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Pull {
    /// Each time.
    Always,
    /// Where there is none.
    #[default]
    IfNotPresent,
    /// Never.
    Never,
}

/// An image that a run needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Its name.
    pub(crate) image: String,
    /// When it is fetched.
    pub(crate) pull: Pull,
}

/// Why a runtime cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It is not installed.
    #[error("{0} is not on the PATH")]
    NoProgram(&'static str),
    /// The annotation of an earlier attempt names none.
    #[error("annotation kubectl-runnable/runtime: {0}")]
    Annotation(String),
    /// It does not work.
    #[error("{program} does not work: {why}")]
    Broken {
        /// The program.
        program: &'static str,
        /// What it says.
        why: String,
    },
    /// An image is missing.
    #[error("image {image:?} cannot be had: {why}")]
    Missing {
        /// The image.
        image: String,
        /// What the runtime says.
        why: String,
    },
}

impl ImageError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoProgram(program) => {
                Some(format!("install {program}, or leave --runtime out: templates then run programs of this machine"))
            }
            Self::Broken { program, .. } => Some(format!(
                "{program} info says more; --runtime-arg passes arguments on, such as --storage-driver=vfs"
            )),
            Self::Missing { image, .. } => {
                Some(format!("fetch {image:?} by hand, or correct image and imagePullPolicy"))
            }
            Self::Annotation(_) => None,
        }
    }
}

impl Pull {
    /// The policy of a container; as said, where it says one.
    pub(crate) fn read(policy: &str) -> Self {
        match policy {
            "Always" => Self::Always,
            "Never" => Self::Never,
            _ => Self::IfNotPresent,
        }
    }
}

impl Runtime {
    /// The runtime that was chosen, once it has shown that it works.
    pub(crate) fn open(choice: &Choice) -> Result<Self, ImageError> {
        let program = choice.program.name();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::env::split_paths(&path).map(|directory| directory.join(program));
        let path = places.find(|path| path.is_file()).ok_or(ImageError::NoProgram(program))?;
        let runtime = Self { choice: choice.clone(), path, ids: Arc::default(), fetching: None };
        runtime.ask(&["info"]).map_err(|why| ImageError::Broken { program, why })?;
        Ok(runtime)
    }

    /// What runs the containers of a node in these images; a node that calls others has all images of the run. None of them is
    /// fetched.
    pub(crate) fn used(&self, images: &[Wanted]) -> UsedRuntime {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used: Vec<String> = if images.is_empty() {
            ids.values().cloned().collect()
        } else {
            images.iter().filter_map(|wanted| ids.get(&wanted.image).cloned()).collect()
        };
        used.sort();
        used.dedup();
        UsedRuntime { name: self.name().to_owned(), images: used }
    }

    /// Has an image, which is fetched where its policy says so; gives its id.
    pub(crate) fn have(&self, wanted: &Wanted) -> Result<String, ImageError> {
        let image = wanted.image.as_str();
        let missing = |why: String| ImageError::Missing { image: image.to_owned(), why };
        if image.is_empty() || image.starts_with('-') {
            return Err(missing("this is no name of an image".to_owned()));
        }
        let known = self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(image).cloned();
        if let Some(id) = known {
            return Ok(id);
        }
        let inspect = || self.ask(&["image", "inspect", "--format", "{{.Id}}", image]);
        let id = match (wanted.pull, inspect()) {
            (Pull::IfNotPresent | Pull::Never, Ok(id)) => id,
            (Pull::Never, Err(_)) => return Err(missing("it is not here, and its policy is Never".to_owned())),
            (Pull::Always, _) | (_, Err(_)) => {
                self.fetch(image).map_err(missing)?;
                inspect().map_err(missing)?
            }
        };
        let id = if id.starts_with("sha256:") { id } else { format!("sha256:{id}") };
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(image.to_owned(), id.clone());
        Ok(id)
    }
}
