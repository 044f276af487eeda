//! Artifacts: whether this machine can bring them and take them where they go.

use serde::Deserialize;
use serde_json::Value;

use super::fields::FOREIGN_ARTIFACTS;
use super::{At, Survey, list};
use crate::argo::model::{Artifact, KeyRef, Location};
use crate::artifact::{Archive, Place, Repository};
use crate::cache::Credentials;

impl Survey<'_> {
    /// Lists are made of the artifacts of the run alone.
    pub(super) fn data(&mut self, at: &At, template: &Value) {
        let Some(data) = template.get("data") else { return };
        let at = at.field("data/source/artifactPaths");
        let Some(paths) = data.pointer("/source/artifactPaths") else {
            return self.refuse(&at, "no valid source is used for data template");
        };
        let others = ["azure", "gcs", "git", "http"].iter().chain(FOREIGN_ARTIFACTS);
        if let Some(kind) = others.into_iter().find(|kind| paths.get(**kind).is_some()) {
            return self.refuse(&at.field(kind), format!("a list of objects of {kind} needs a cluster"));
        }
        match paths.get("s3").and_then(Value::as_object) {
            Some(place) if place.keys().all(|field| field == "key") => {}
            Some(_) => self.refuse(&at.field("s3"), "a list of the objects of a bucket needs a cluster"),
            None => self.refuse(&at, "expected s3 with the key below which the run's artifacts are listed"),
        }
    }

    pub(super) fn artifacts(&mut self, at: &At, template: &Value) {
        for (place, artifact) in list(template, "/inputs/artifacts").iter().enumerate() {
            self.artifact_source(&at.field("inputs/artifacts").field(place), artifact, Some(template));
        }
        for (place, artifact) in list(template, "/outputs/artifacts").iter().enumerate() {
            let at = at.field("outputs/artifacts").field(place);
            let name = artifact["name"].as_str().unwrap_or_default();
            // A name with a tag is held to the same rule once it is known.
            if !name.contains("{{") && !is_plain_name(name) {
                self.refuse(&at, "an artifact's name has letters, digits, '-' and '_' only");
            }
            if artifact.get("git").is_some() {
                self.refuse(&at.field("git"), "git output artifacts unsupported");
            } else if artifact.get("path").is_some() {
                self.artifact_target(&at, artifact, template);
            }
        }
    }

    /// An output that names only its key stays in the run, where no repository is known. Only a key of s3 is found again.
    fn artifact_target(&mut self, at: &At, artifact: &Value, template: &Value) {
        let has_repository = self.plan.repository.is_some() || template.get("archiveLocation").is_some();
        let only_key = |place: &Value| {
            place.as_object().is_some_and(|place| place.keys().all(|field| ["key", "blob"].contains(&field.as_str())))
        };
        let kept = ["s3", "gcs", "azure"].into_iter().find(|kind| artifact.get(kind).is_some_and(only_key));
        match kept.filter(|_| !has_repository) {
            Some("s3") => {}
            Some(kind) => drop(self.support.passed_over.insert(format!("outputs.artifacts.{kind}"))),
            None => self.artifact_source(at, artifact, Some(template)),
        }
    }

    /// Looks at where an artifact is kept, by the template whose pods bring it.
    pub(super) fn artifact_source(&mut self, at: &At, document: &Value, template: Option<&Value>) {
        if let Some(kind) = FOREIGN_ARTIFACTS.iter().find(|kind| document.get(**kind).is_some()) {
            let why = format!("artifacts of {kind} need a cluster; local runs know s3, gcs, azure, http, git and raw");
            return self.refuse(&at.field(kind), why);
        }
        let artifact = match Artifact::deserialize(document) {
            Ok(artifact) => artifact,
            Err(error) => return self.refuse(at, error.to_string()),
        };
        if let Err(why) = Archive::read(artifact.archive.as_ref()) {
            self.refuse(&at.field("archive"), why);
        }
        let Some((kind, value)) = artifact.place() else { return };
        let at = at.field(kind);
        // What a tag gives is looked at when the step starts.
        if value.to_string().contains("{{") {
            self.support.uses_git |= kind == "git";
            return;
        }
        let own = template.and_then(|template| template.get("archiveLocation")).map(Repository::read).transpose();
        let own = match own {
            Ok(own) => own.flatten(),
            Err(why) => return self.refuse(&at, format!("archiveLocation: {why}")),
        };
        let repository = own.as_ref().or(self.plan.repository.as_ref());
        let location = match Location::read(kind, value) {
            Ok(location) => location,
            Err(why) => return self.refuse(&at, why),
        };
        if location.key().is_empty() || artifact.key_of_run().is_some() && repository.is_none() {
            return;
        }
        match Place::of(&location, repository, &|key: &KeyRef| self.plan.secret(key)) {
            Err(why) => self.refuse(&at, why),
            Ok(Place::Git(_)) => self.support.uses_git = true,
            Ok(Place::Bucket(bucket)) if bucket.access.credentials == Credentials::Environment => {
                let named = match repository {
                    Some(Repository::Declared(declared)) if !location.is_complete() => declared.secret(),
                    Some(Repository::Store(_)) if !location.is_complete() => None,
                    _ => location.secret(),
                };
                if let Some(secret) = named {
                    let why = format!(
                        "Secret {:?} is not among the documents, and the environment has no credentials of {}",
                        secret.name,
                        bucket.address.kind.scheme()
                    );
                    self.support.unknown_secrets.push((bucket.address.kind, at.refusal(why)));
                }
            }
            Ok(Place::Bucket(_) | Place::Web(_)) => {}
        }
    }
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
