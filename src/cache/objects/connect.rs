//! Clients of the services. Credentials are given, or come from the environment: RUNNABLE_STORE_* before the variables of
//! the provider, then its profiles, web identity and instance metadata.

use std::env;
use std::fmt;
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

/// Who asks a service.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// The credentials.
    pub(crate) credentials: Credentials,
    /// Certificates (PEM) of authorities that the service's may be signed by.
    pub(crate) certificates: Option<String>,
}

/// Credentials of a service.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// Those that the environment has.
    #[default]
    Environment,
    /// An access key of S3, perhaps one for a time.
    Key {
        /// Its id.
        id: String,
        /// The key.
        secret: String,
        /// The token of a key for a time.
        token: Option<String>,
    },
    /// The JSON of a Google service account's key.
    ServiceAccount(String),
    /// The key of an Azure account.
    AccountKey(String),
    /// A shared access signature of Azure.
    Signature(String),
}

impl fmt::Debug for Access {
    /// Without what is secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Access(…)")
    }
}

/// Whether the environment has credentials for a service, without asking a server for them.
pub(crate) fn environment_has_credentials(kind: BucketKind) -> bool {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    match kind {
        BucketKind::S3 => {
            own("ACCESS_KEY_ID").is_some()
                || [
                    "AWS_ACCESS_KEY_ID",
                    "AWS_WEB_IDENTITY_TOKEN_FILE",
                    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                ]
                .into_iter()
                .any(set)
                || Profile::of_environment().is_ok_and(|profile| profile.is_some())
        }
        BucketKind::Gcs => {
            let home = env::var_os("HOME").map(std::path::PathBuf::from).unwrap_or_default();
            own("SERVICE_ACCOUNT").is_some()
                || ["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY"]
                    .into_iter()
                    .any(set)
                || home.join(".config/gcloud/application_default_credentials.json").exists()
        }
        BucketKind::Azure => {
            own("ACCOUNT_KEY").is_some()
                || [
                    "AZURE_STORAGE_ACCOUNT_KEY",
                    "AZURE_STORAGE_SAS_TOKEN",
                    "AZURE_CLIENT_SECRET",
                    "AZURE_FEDERATED_TOKEN_FILE",
                ]
                .into_iter()
                .any(set)
        }
    }
}

/// A client of the bucket; sends nothing yet.
pub(super) fn client(address: &BucketAddress, access: &Access) -> Result<Arc<dyn ObjectStore>, Error> {
    // The first one wins.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain = address.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_read_timeout(SILENCE)
        .with_timeout_disabled()
        .with_allow_http(plain);
    let given = access.certificates.as_deref().map(|text| Certificate::from_pem_bundle(text.as_bytes())).transpose()?;
    let certificates = certificates()?.into_iter().chain(given.into_iter().flatten());
    let options = certificates.fold(options, ClientOptions::with_root_certificate);
    match address.kind {
        BucketKind::S3 => s3(address, &access.credentials, options),
        BucketKind::Gcs => gcs(address, &access.credentials, options),
        BucketKind::Azure => azure(address, &access.credentials, options),
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

fn s3(
    address: &BucketAddress,
    credentials: &Credentials,
    options: ClientOptions,
) -> Result<Arc<dyn ObjectStore>, Error> {
    let builder = match credentials {
        Credentials::Key { id, secret, token } => {
            let builder = from_environment(true).with_access_key_id(id).with_secret_access_key(secret);
            token.iter().fold(builder, AmazonS3Builder::with_token)
        }
        _ => with_credentials(&options)?,
    };
    let mut builder = builder
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
fn with_credentials(options: &ClientOptions) -> Result<AmazonS3Builder, Error> {
    if let (Some(id), Some(key)) = (own("ACCESS_KEY_ID"), own("SECRET_ACCESS_KEY")) {
        let builder = from_environment(true).with_access_key_id(id).with_secret_access_key(key);
        return Ok(match own("SESSION_TOKEN") {
            Some(token) => builder.with_token(token),
            None => builder,
        });
    }
    let builder = from_environment(false);
    match Profile::of_environment()? {
        Some(profile) => profile.apply(builder, options),
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

fn gcs(
    address: &BucketAddress,
    credentials: &Credentials,
    options: ClientOptions,
) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&address.bucket)
        .with_client_options(options)
        .with_retry(retries());
    match (credentials, own("SERVICE_ACCOUNT")) {
        (Credentials::ServiceAccount(key), _) => builder = builder.with_service_account_key(key),
        (_, Some(path)) => builder = builder.with_config(GoogleConfigKey::ServiceAccount, path),
        _ => {}
    }
    if let Some(endpoint) = &address.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

fn azure(
    address: &BucketAddress,
    credentials: &Credentials,
    options: ClientOptions,
) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&address.bucket)
        .with_client_options(options)
        .with_retry(retries());
    if let Some(account) = account_in(address).or_else(|| own("ACCOUNT_NAME")) {
        builder = builder.with_account(account);
    }
    match (credentials, own("ACCOUNT_KEY")) {
        (Credentials::AccountKey(key), _) => builder = builder.with_config(AzureConfigKey::AccessKey, key),
        (Credentials::Signature(token), _) => builder = builder.with_config(AzureConfigKey::SasKey, token),
        (_, Some(key)) => builder = builder.with_config(AzureConfigKey::AccessKey, key),
        _ => {}
    }
    if let Some(endpoint) = &address.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    Ok(Arc::new(builder.build()?))
}

/// The account that an endpoint names: `ACCOUNT.blob.…`, or the first part of the path on this machine.
/// (determineAccountName in workflow/artifacts/azure/azure.go, v4.1.2)
fn account_in(address: &BucketAddress) -> Option<String> {
    let (_, rest) = address.endpoint.as_deref()?.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let account = if host.starts_with("127.0.0.1") || host.starts_with("localhost") {
        path.split('/').next()
    } else {
        host.split_once(".blob.").map(|(account, _)| account)
    };
    account.filter(|account| !account.is_empty()).map(str::to_owned)
}
