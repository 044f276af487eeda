//! `--store`: where entries are kept.

use std::convert::Infallible;
use std::str::FromStr;

use super::failure::Failure;
use super::settings::settings;
use crate::argo::Workflow;
use crate::cache::{AddressError, BucketAddress, STORE_ANNOTATION, Store, StoreAddress};

/// `--store`. What is wrong with it is told later: clap's message about an invalid value would print it, with credentials that may
/// be in it.
#[derive(Debug, Clone)]
pub(super) struct StoreUrl(Result<StoreAddress, AddressError>);

impl FromStr for StoreUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse()))
    }
}

impl StoreUrl {
    /// The address.
    pub(super) fn address(&self) -> Result<&StoreAddress, Failure> {
        self.0.as_ref().map_err(|error| Failure::usage(format!("invalid address of a store: {error}")))
    }
}

/// The store of the caches of local runs: the one that a flag names, else that of the run that is gone on from, else
/// that of the settings; none where they are beside the runs.
pub(super) fn of_runs(flag: Option<&StoreUrl>, live: Option<&Workflow>) -> Result<Option<Store>, Failure> {
    let invalid = |error: AddressError| Failure::usage(format!("the store of the run's caches: {error}"));
    let recorded =
        live.and_then(|live| live.annotation(STORE_ANNOTATION)).map(str::parse).transpose().map_err(invalid)?;
    let flag = flag.map(StoreUrl::address).transpose()?;
    let address = match flag.cloned().or(recorded) {
        Some(address) => Some(address),
        None => usual()?,
    };
    address.map(|address| open(&address, true)).transpose()
}

/// The store of the entries that a run's pods look up themselves, as this machine reaches it; none where they look up none.
/// `said` is its address for pods.
pub(super) fn of_pods(
    said: Option<&str>,
    flag: Option<&StoreUrl>,
    endpoint: Option<&str>,
) -> Result<Option<Store>, Failure> {
    let Some(said) = said else { return Ok(None) };
    let invalid = |error: AddressError| Failure::usage(format!("the store of the run's pods: {error}"));
    let address = match flag {
        Some(flag) => flag.address()?.clone(),
        None => said.parse().map_err(invalid)?,
    };
    let address = match endpoint {
        Some(endpoint) => {
            address.at_endpoint(endpoint).map_err(|error| Failure::usage(format!("--store-endpoint: {error}")))?
        }
        None => address,
    };
    open(&address, true).map(Some)
}

/// The store of the settings.
pub(super) fn usual() -> Result<Option<StoreAddress>, Failure> {
    let text = settings().store.as_deref();
    text.map(|text| text.parse().map_err(|error: AddressError| Failure::usage(format!("setting store: {error}"))))
        .transpose()
}

/// The bucket that a flag names, with what the environment says of it.
pub(super) fn bucket(url: &StoreUrl, flag: &str) -> Result<BucketAddress, Failure> {
    match url.address()? {
        StoreAddress::Bucket(bucket) => with_environment(bucket),
        StoreAddress::Directory(_) => {
            Err(Failure::usage(format!("{flag}: expected a bucket"))
                .hint("name it as s3://BUCKET/PREFIX, gs:// or az://"))
        }
    }
}

fn with_environment(bucket: &BucketAddress) -> Result<BucketAddress, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    bucket.clone().or(variable).map_err(|error| Failure::usage(error.to_string()))
}

/// The store at an address, with what the environment says of it.
pub(super) fn open(address: &StoreAddress, conditions: bool) -> Result<Store, Failure> {
    let address = match address {
        StoreAddress::Bucket(bucket) => StoreAddress::Bucket(with_environment(bucket)?),
        directory @ StoreAddress::Directory(_) => directory.clone(),
    };
    Ok(Store::open(address, conditions)?)
}
