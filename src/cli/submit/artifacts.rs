//! `--artifact` and `--artifact-store`: files of this machine as artifacts of the workflow, and where artifacts are that only
//! say their key.

use std::path::Path;

use serde_json::{Value, json};

use crate::argo::identity::ObjectName;
use crate::artifact::{Archive, Bucket, Carrier, Place};
use crate::blocking::blocking;
use crate::cache::{Access, BucketAddress, BucketKind, Stop};
use crate::cli::failure::Failure;
use crate::cli::store::{StoreUrl, bucket};
use crate::cli::values::ArtifactPair;
use crate::exit::Exit;
use crate::local::given_artifacts::GivenArtifact;

/// Artifacts of the arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Artifacts")]
pub(in crate::cli) struct ArtifactArgs {
    /// A file or directory of this machine as an artifact of the workflow's arguments; for a cluster it is uploaded to
    /// --artifact-store; repeatable
    #[arg(long = "artifact", value_name = "NAME=PATH")]
    artifacts: Vec<ArtifactPair>,

    /// The bucket of artifacts that only say their key: s3://BUCKET/PREFIX, gs:// or az:// (experimental), with ?endpoint=,
    /// region= and path_style=; of a local run all of them, on a cluster those of --artifact. Default for local runs: the repository of the
    /// ConfigMap artifact-repositories among the documents
    #[arg(long, value_name = "URL")]
    artifact_store: Option<StoreUrl>,

    /// The secret with whose keys (ACCESS_KEY_ID, SECRET_ACCESS_KEY) pods read the artifacts that were uploaded. Without one
    /// the pods' workload identity counts
    #[arg(long, value_name = "NAME", requires_all = ["artifacts", "artifact_store"], conflicts_with = "local")]
    artifact_secret: Option<ObjectName>,
}

impl ArtifactArgs {
    /// The bucket of artifacts that only say their key.
    pub(super) fn store(&self) -> Result<Option<BucketAddress>, Failure> {
        self.artifact_store.as_ref().map(|url| bucket(url, "--artifact-store")).transpose()
    }

    /// The files, read for their digests.
    pub(super) fn given(&self, local: bool) -> Result<Vec<GivenArtifact>, Failure> {
        if let (false, None, Some(ArtifactPair(name, _))) = (local, &self.artifact_store, self.artifacts.first()) {
            return Err(Failure::usage(format!(
                "--artifact {name}: pods of a cluster cannot read files of this machine"
            ))
            .hint("name a bucket that they reach: --artifact-store s3://BUCKET/PREFIX"));
        }
        let read = |ArtifactPair(name, path): &ArtifactPair| Ok(GivenArtifact::read(name, path)?);
        self.artifacts.iter().map(read).collect()
    }

    /// The artifacts as they stand in a document.
    pub(super) fn documents(&self, given: &[GivenArtifact], local: bool) -> Result<Vec<Value>, Failure> {
        match self.store()?.filter(|_| !local) {
            None => Ok(given.iter().map(GivenArtifact::of_run).collect()),
            Some(store) => given.iter().map(|given| self.of_cluster(given, &store)).collect(),
        }
    }

    fn of_cluster(&self, given: &GivenArtifact, store: &BucketAddress) -> Result<Value, Failure> {
        let key = key_in(store, given);
        let mut document = json!({"name": given.name});
        // A file that is an archive itself stays one.
        document["archive"] = if given.is_directory { json!({"tar": {}}) } else { json!({"none": {}}) };
        match store.kind {
            BucketKind::S3 => document["s3"] = self.s3(store, &key),
            BucketKind::Gcs => {
                self.without_secret("gs")?;
                document["gcs"] = json!({"bucket": store.bucket, "key": key});
            }
            BucketKind::Azure => {
                self.without_secret("az")?;
                let endpoint = store.endpoint.as_deref().ok_or_else(|| {
                    Failure::usage("--artifact-store: pods need the URL of the account")
                        .hint("add ?endpoint=https://ACCOUNT.blob.core.windows.net")
                })?;
                document["azure"] =
                    json!({"endpoint": endpoint, "container": store.bucket, "blob": key, "useSDKCreds": true});
            }
        }
        Ok(document)
    }

    fn s3(&self, store: &BucketAddress, key: &str) -> Value {
        let (scheme, host) =
            store.endpoint.as_deref().and_then(|url| url.split_once("://")).unwrap_or(("https", "s3.amazonaws.com"));
        let mut place = json!({"endpoint": host, "bucket": store.bucket, "key": key});
        if scheme == "http" {
            place["insecure"] = true.into();
        }
        if let Some(region) = &store.region {
            place["region"] = region.as_str().into();
        }
        if let Some(path_style) = store.path_style {
            place["addressingStyle"] = if path_style { "path" } else { "virtual-hosted" }.into();
        }
        match &self.artifact_secret {
            Some(secret) => {
                place["accessKeySecret"] = json!({"name": secret.as_str(), "key": "ACCESS_KEY_ID"});
                place["secretKeySecret"] = json!({"name": secret.as_str(), "key": "SECRET_ACCESS_KEY"});
            }
            None => place["useSDKCreds"] = true.into(),
        }
        place
    }

    fn without_secret(&self, scheme: &str) -> Result<(), Failure> {
        match &self.artifact_secret {
            Some(_) => Err(Failure::usage(format!("--artifact-secret is for s3://, not for {scheme}://"))),
            None => Ok(()),
        }
    }

    /// Uploads the files, so that the pods of a cluster find them. `endpoint` is the URL at which this machine reaches the
    /// service.
    pub(super) async fn upload(&self, given: &[GivenArtifact], endpoint: Option<&str>) -> Result<(), Failure> {
        let Some(mut store) = self.store()?.filter(|_| !given.is_empty()) else { return Ok(()) };
        if let Some(endpoint) = endpoint {
            store.endpoint = Some(endpoint.to_owned());
        }
        let given = given.to_vec();
        let work = blocking(move || {
            let carrier = Carrier::new(Path::new(""), Path::new(""));
            for given in &given {
                let key = key_in(&store, given);
                let address = BucketAddress { prefix: String::new(), ..store.clone() };
                let place = Place::Bucket(Bucket { address, access: Access::default(), key });
                let archive = if given.is_directory { Archive::Unsaid } else { Archive::None };
                let taken = carrier.take(&place, archive, (&given.path, &given.path), &Stop::default());
                taken.map_err(|error| format!("cannot upload artifact {:?}: {error}", given.name))?;
            }
            Ok(())
        });
        work.await.map_err(anyhow::Error::from)?.map_err(|why: String| Failure::new(Exit::Tool, why))
    }
}

fn key_in(store: &BucketAddress, given: &GivenArtifact) -> String {
    if store.prefix.is_empty() { given.key() } else { format!("{}/{}", store.prefix, given.key()) }
}
