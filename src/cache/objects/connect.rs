//! Clients of the services. Credentials come from the environment alone: RUNNABLE_STORE_* before the variables of the
//! provider, then its profiles, web identity and instance metadata.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, Certificate, ClientOptions, Error, ObjectStore, RetryConfig};

use super::profile::Profile;
use crate::cache::address::{BucketAddress, BucketKind};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may send nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// A client of the bucket; sends nothing yet.
pub(super) fn client(address: &BucketAddress) -> Result<Arc<dyn ObjectStore>, Error> {
    // The first one wins.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain = address.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_read_timeout(SILENCE)
        .with_timeout_disabled()
        .with_allow_http(plain);
    let options = certificates()?.into_iter().fold(options, ClientOptions::with_root_certificate);
    match address.kind {
        BucketKind::S3 => s3(address, options),
        BucketKind::Gcs => gcs(address, options),
        BucketKind::Azure => azure(address, options),
    }
}

/// The certificates in the file that `RUNNABLE_STORE_CA` names, which count beside those of the system.
fn certificates() -> Result<Vec<Certificate>, Error> {
    let Some(path) = own("CA") else { return Ok(Vec::new()) };
    let failed = |why: String| Error::Generic { store: "certificates", source: format!("{path}: {why}").into() };
    let text = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Certificate::from_pem_bundle(&text).map_err(|error| failed(error.to_string()))
}

/// A few repetitions of what a server could not do at the moment.
fn retries() -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(3), base: 2.0 };
    RetryConfig { backoff, max_retries: 4, retry_timeout: Duration::from_secs(30) }
}

fn own(name: &str) -> Option<String> {
    env::var(format!("RUNNABLE_STORE_{name}")).ok().filter(|value| !value.is_empty())
}

fn s3(address: &BucketAddress, options: ClientOptions) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = with_credentials()?;
    builder = builder
        .with_bucket_name(&address.bucket)
        .with_client_options(options)
        .with_retry(retries())
        .with_disable_bulk_delete(true)
        .with_virtual_hosted_style_request(address.path_style == Some(false));
    if let Some(region) = &address.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &address.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

/// A client with the first credentials that there are.
fn with_credentials() -> Result<AmazonS3Builder, Error> {
    if let (Some(id), Some(key)) = (own("ACCESS_KEY_ID"), own("SECRET_ACCESS_KEY")) {
        let builder = from_environment(true).with_access_key_id(id).with_secret_access_key(key);
        return Ok(match own("SESSION_TOKEN") {
            Some(token) => builder.with_token(token),
            None => builder,
        });
    }
    let builder = from_environment(false);
    match Profile::of_environment()? {
        Some(profile) => profile.apply(builder),
        None => Ok(builder),
    }
}

/// What AWS_* variables say, without their credentials where there are others.
fn from_environment(without_credentials: bool) -> AmazonS3Builder {
    let credentials = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
    let mut builder = AmazonS3Builder::new();
    for (name, value) in env::vars() {
        let name = name.to_ascii_lowercase();
        if value.is_empty() || !name.starts_with("aws_") || without_credentials && credentials.contains(&name.as_str())
        {
            continue;
        }
        if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    builder
}

fn gcs(address: &BucketAddress, options: ClientOptions) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&address.bucket)
        .with_client_options(options)
        .with_retry(retries());
    if let Some(path) = own("SERVICE_ACCOUNT") {
        builder = builder.with_config(GoogleConfigKey::ServiceAccount, path);
    }
    if let Some(endpoint) = &address.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

fn azure(address: &BucketAddress, options: ClientOptions) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&address.bucket)
        .with_client_options(options)
        .with_retry(retries());
    if let Some(account) = own("ACCOUNT_NAME") {
        builder = builder.with_account(account);
    }
    if let Some(key) = own("ACCOUNT_KEY") {
        builder = builder.with_config(AzureConfigKey::AccessKey, key);
    }
    if let Some(endpoint) = &address.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    Ok(Arc::new(builder.build()?))
}
