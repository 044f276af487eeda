//! `--exec-cache`: pods look up their entries themselves.

use std::path::PathBuf;

use crate::argo::identity::ObjectName;
use crate::cache::StoreAddress;
use crate::cli::failure::Failure;
use crate::cli::isolation::{PROGRAM, image, image_or_release};
use crate::cli::store::StoreUrl;
use crate::prepare::{ExecCache, ExecCaching};

/// Certificates are in each workflow that needs them.
const MOST_CERTIFICATES: usize = 64 * 1024;

/// A cache that pods use themselves.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Cache in pods")]
pub(in crate::cli) struct ExecCacheArgs {
    /// Keep entries in this store instead of a ConfigMap: the pod of each container or script template looks up its
    /// entry, and runs its command only if there is none. The address is the one that pods use: s3://BUCKET/PREFIX, gs://
    /// or az:// (experimental), with ?endpoint=, region= and path_style=
    #[arg(long, value_name = "URL", conflicts_with = "local")]
    exec_cache: Option<StoreUrl>,

    /// The image that brings this program into the pods; a release has a default
    #[arg(long, value_name = "IMAGE", value_parser = image, requires = "exec_cache")]
    runner_image: Option<String>,

    /// The secret with the store's credentials: its keys (ACCESS_KEY_ID, SECRET_ACCESS_KEY) become RUNNABLE_STORE_* variables,
    /// which the commands do not see. Without one the pods' workload identity counts
    #[arg(long, value_name = "NAME", requires = "exec_cache")]
    store_secret: Option<ObjectName>,

    /// A PEM file of certificate authorities to trust for the store, in addition to those of the image
    #[arg(long, value_name = "FILE", requires = "exec_cache")]
    store_ca: Option<PathBuf>,

    /// The URL of the store's service for this machine, if pods use another one
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) store_endpoint: Option<String>,
}

impl ExecCacheArgs {
    /// Whether pods look up their entries themselves.
    pub(super) fn is_given(&self) -> bool {
        self.exec_cache.is_some()
    }

    /// The address of the store, as pods reach it.
    pub(super) fn address(&self) -> Result<Option<String>, Failure> {
        let Some(url) = &self.exec_cache else { return Ok(None) };
        let StoreAddress::Bucket(bucket) = url.address()? else {
            return Err(Failure::usage("--exec-cache: pods cannot reach a directory of this machine")
                .hint("name a bucket: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"));
        };
        let address = bucket.with_settings();
        // Argo replaces the one, the kubelet the other.
        if address.contains("{{") || address.contains("$(") {
            return Err(Failure::usage("--exec-cache: '{{' and '$(' cannot stand in a store's address"));
        }
        Ok(Some(address))
    }

    /// What prepare is asked for.
    pub(super) fn caching(&self, local: bool) -> Result<ExecCaching, Failure> {
        if local {
            return Ok(ExecCaching::Never);
        }
        let Some(store) = self.address()? else { return Ok(ExecCaching::AsSaid) };
        Ok(ExecCaching::With(Box::new(ExecCache {
            store,
            image: image_or_release(self.runner_image.as_deref(), "--runner-image")?,
            program: PROGRAM.to_owned(),
            secret: self.store_secret.as_ref().map(ToString::to_string),
            certificates: self.certificates()?,
        })))
    }

    fn certificates(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.store_ca else { return Ok(None) };
        let refuse = |why: String| Failure::usage(format!("--store-ca: {}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
        if text.contains("PRIVATE KEY") {
            return Err(refuse("it holds a private key, which would stand in the workflow".to_owned()));
        }
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(refuse("it holds no certificate in PEM".to_owned()));
        }
        if text.len() > MOST_CERTIFICATES {
            return Err(refuse(format!("larger than {MOST_CERTIFICATES} bytes")));
        }
        Ok(Some(text))
    }
}
