//! The artifacts of a task: where they come from and where they go. Pure.

use std::path::PathBuf;

use super::{ARTIFACTS, artifact_key, safe_relative};
use crate::argo::model::{Artifact, KeyRef, Template};
use crate::artifact::{Archive, Place, Repository};
use crate::local::resolved::Resolved;
use crate::local::task::{ArtifactSource, InputArtifact, OutputArtifact, Remote, Upload};

/// Where the artifacts of a template's pods are.
pub(super) struct Places<'a> {
    plan: &'a Resolved,
    /// The template's own repository.
    own: Option<Repository>,
    /// The directory of the run's artifacts.
    store: PathBuf,
}

impl<'a> Places<'a> {
    pub(super) fn of(plan: &'a Resolved, template: &Template) -> Result<Self, String> {
        let own = template.archive_location.as_ref().map(Repository::read).transpose();
        let own = own.map_err(|why| format!("archiveLocation: {why}"))?.flatten();
        Ok(Self { plan, own, store: plan.run_directory.join(ARTIFACTS) })
    }

    pub(super) fn inputs(&self, template: &Template) -> Result<Vec<InputArtifact>, String> {
        let inputs = template.inputs.artifacts.iter().filter_map(|artifact| {
            let source = self.source(artifact).map_err(|why| named(artifact, &why)).transpose()?;
            Some(source.map(|source| InputArtifact {
                name: artifact.name.clone(),
                path: PathBuf::from(&artifact.path),
                source,
                mode: artifact.mode,
                recurse_mode: artifact.recurse_mode,
            }))
        });
        inputs.collect()
    }

    /// Where the content is; none of an artifact that was not supplied.
    fn source(&self, artifact: &Artifact) -> Result<Option<ArtifactSource>, String> {
        if let Some(raw) = &artifact.raw {
            return Ok(Some(ArtifactSource::Raw(raw.data.clone())));
        }
        let near = artifact.key_of_run().map(|key| safe_relative(key).map(|key| self.store.join(key))).transpose()?;
        let place = match (self.place(artifact)?, near) {
            (Some(place), near) => Remote { near, place, archive: archive(artifact)?, optional: artifact.optional },
            (None, Some(near)) => return Ok(Some(ArtifactSource::Stored(near))),
            (None, None) => return Ok(None),
        };
        Ok(Some(ArtifactSource::Remote(Box::new(place))))
    }

    /// The place that the artifact names; none of one that is of the run alone, or that was not supplied.
    fn place(&self, artifact: &Artifact) -> Result<Option<Place>, String> {
        let Some(location) = artifact.location()? else { return Ok(None) };
        let repository = self.own.as_ref().or(self.plan.repository.as_ref());
        if location.key().is_empty() || artifact.key_of_run().is_some() && repository.is_none() {
            return Ok(None);
        }
        Place::of(&location, repository, &|key: &KeyRef| self.plan.secret(key)).map(Some)
    }

    pub(super) fn outputs(&self, template: &Template, pod: &str) -> Result<Vec<OutputArtifact>, String> {
        let kept = template.outputs.artifacts.iter().filter(|artifact| !artifact.path.is_empty());
        let outputs = kept.map(|artifact| {
            let key = artifact_key(self.plan.name(), pod, &artifact.name);
            let upload = self.place(artifact).and_then(|place| {
                let Some(place) = place else { return Ok(None) };
                Ok(Some(Box::new(Upload { place, archive: archive(artifact)? })))
            });
            Ok(OutputArtifact {
                name: artifact.name.clone(),
                path: PathBuf::from(&artifact.path),
                store: self.store.join(safe_relative(&key)?),
                optional: artifact.optional,
                upload: upload.map_err(|why| named(artifact, &why))?,
            })
        });
        outputs.collect()
    }
}

fn archive(artifact: &Artifact) -> Result<Archive, String> {
    Archive::read(artifact.archive.as_ref())
}

fn named(artifact: &Artifact, why: &str) -> String {
    format!("artifact {:?}: {why}", artifact.name)
}
