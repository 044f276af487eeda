//! The address of a store: a directory, or a bucket and a prefix in it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where entries are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// A directory of this machine.
    Directory(PathBuf),
    /// A prefix of a bucket.
    Bucket(BucketAddress),
}

/// A prefix of a bucket, and how it is reached. Holds no credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketAddress {
    /// The service.
    pub(crate) kind: BucketKind,
    /// The bucket, or the container of Azure.
    pub(crate) bucket: String,
    /// The path in it; empty for the whole bucket.
    pub(crate) prefix: String,
    /// The URL of the service, where it is not the provider's.
    pub(crate) endpoint: Option<String>,
    /// The region.
    pub(crate) region: Option<String>,
    /// Whether the bucket stands in the path of a URL and not in its host's name.
    pub(crate) path_style: Option<bool>,
}

/// A service that keeps objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketKind {
    /// Amazon S3, or what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// The text is no address of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It has another scheme, or nothing that could be a path.
    #[error("expected a path, file:///PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX")]
    Form,
    /// A `file:` URL is relative.
    #[error("expected an absolute path after file://")]
    Relative,
    /// It holds a user or a password.
    #[error("an address holds no credentials: set them in the environment")]
    Credentials,
    /// A part of the path would not be stored as it stands.
    #[error("invalid bucket or prefix: expected letters, digits, '-', '_', '.' and '/'")]
    Name,
    /// The query has something else.
    #[error("unknown setting {0:?}: expected endpoint, region or path_style")]
    Setting(String),
    /// The value of a setting is none.
    #[error("invalid value of {0}")]
    Value(&'static str),
}

impl BucketKind {
    /// The scheme of its addresses.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }
}

impl StoreAddress {
    /// The same bucket at another URL of its service; a directory has none.
    pub(crate) fn at_endpoint(self, url: &str) -> Result<Self, AddressError> {
        match self {
            Self::Bucket(bucket) => Ok(Self::Bucket(BucketAddress { endpoint: Some(endpoint(url)?), ..bucket })),
            Self::Directory(_) => Err(AddressError::Value("endpoint")),
        }
    }
}

impl FromStr for StoreAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let kind = match text.split_once("://") {
            None if text.is_empty() => return Err(AddressError::Form),
            None => return Ok(Self::Directory(text.into())),
            Some(("file", path)) if path.starts_with('/') => return Ok(Self::Directory(path.into())),
            Some(("file", _)) => return Err(AddressError::Relative),
            Some(("s3", _)) => BucketKind::S3,
            Some(("gs", _)) => BucketKind::Gcs,
            Some(("az", _)) => BucketKind::Azure,
            Some(_) => return Err(AddressError::Form),
        };
        let rest = &text[kind.scheme().len() + 3..];
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path.contains('@') {
            return Err(AddressError::Credentials);
        }
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = prefix.trim_matches('/');
        let legal = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !legal(bucket) || !(prefix.is_empty() || prefix.split('/').all(legal)) {
            return Err(AddressError::Name);
        }
        let mut address = BucketAddress {
            kind,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: None,
            region: None,
            path_style: None,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            address.set(name, value)?;
        }
        Ok(Self::Bucket(address))
    }
}

impl BucketAddress {
    fn set(&mut self, name: &str, value: &str) -> Result<(), AddressError> {
        match name {
            "endpoint" => self.endpoint = Some(endpoint(value)?),
            "region" if !value.is_empty() => self.region = Some(value.to_owned()),
            "region" => return Err(AddressError::Value("region")),
            "path_style" => self.path_style = Some(flag(value)?),
            // Its value may be a secret.
            other => return Err(AddressError::Setting(other.to_owned())),
        }
        Ok(())
    }

    /// The address with its settings, as it is read again.
    pub(crate) fn with_settings(&self) -> String {
        let endpoint = self.endpoint.as_ref().map(|endpoint| format!("endpoint={endpoint}"));
        let region = self.region.as_ref().map(|region| format!("region={region}"));
        let path_style = self.path_style.map(|path_style| format!("path_style={path_style}"));
        let settings: Vec<String> = endpoint.into_iter().chain(region).chain(path_style).collect();
        if settings.is_empty() { self.to_string() } else { format!("{self}?{}", settings.join("&")) }
    }

    /// The address with what variables of the environment say, where it says nothing itself.
    pub(crate) fn or(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self, AddressError> {
        if let (None, Some(value)) = (&self.endpoint, variable("RUNNABLE_STORE_ENDPOINT")) {
            self.endpoint = Some(endpoint(&value)?);
        }
        if let (None, Some(value)) = (&self.region, variable("RUNNABLE_STORE_REGION")) {
            self.region = Some(value);
        }
        if let (None, Some(value)) = (self.path_style, variable("RUNNABLE_STORE_PATH_STYLE")) {
            self.path_style = Some(flag(&value)?);
        }
        Ok(self)
    }
}

/// The URL of a service: no credentials, no query.
fn endpoint(text: &str) -> Result<String, AddressError> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if rest.contains('@') => Err(AddressError::Credentials),
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', ' ']) => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(AddressError::Value("endpoint")),
    }
}

fn flag(text: &str) -> Result<bool, AddressError> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(AddressError::Value("path_style")),
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(formatter, "{}", path.display()),
            Self::Bucket(address) => address.fmt(formatter),
        }
    }
}

impl fmt::Display for BucketAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.kind.scheme(), self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(text: &str) -> Result<BucketAddress, AddressError> {
        match text.parse()? {
            StoreAddress::Bucket(address) => Ok(address),
            StoreAddress::Directory(path) => panic!("{} is a directory", path.display()),
        }
    }

    #[test]
    fn a_directory_is_a_path_or_a_file_url() {
        for (text, path) in [("file:///var/runs", "/var/runs"), ("/var/runs", "/var/runs"), ("runs", "runs")] {
            assert_eq!(text.parse(), Ok(StoreAddress::Directory(path.into())));
        }
        for illegal in ["", "file://runs", "https://x", "ftp://x/y"] {
            assert!(illegal.parse::<StoreAddress>().is_err(), "{illegal}");
        }
    }

    #[test]
    fn a_bucket_has_a_prefix_and_settings() -> Result<(), AddressError> {
        let address = bucket("s3://my.bucket/team/ci/?endpoint=http://127.0.0.1:9000/&region=eu-1&path_style=true")?;
        assert_eq!((address.bucket.as_str(), address.prefix.as_str()), ("my.bucket", "team/ci"));
        assert_eq!(address.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!((address.region.as_deref(), address.path_style), (Some("eu-1"), Some(true)));
        assert_eq!(address.to_string(), "s3://my.bucket/team/ci");
        assert_eq!(bucket(&address.with_settings())?, address);
        assert_eq!(bucket("gs://b")?.prefix, "");
        assert_eq!(bucket("az://c/p")?.kind, BucketKind::Azure);
        for illegal in
            ["s3://", "s3:///x", "s3://b/a//c", "s3://b/../c", "s3://b?x=1", "s3://b?endpoint=host", "s3://b/ü"]
        {
            assert!(bucket(illegal).is_err(), "{illegal}");
        }
        Ok(())
    }

    #[test]
    fn credentials_are_refused_and_not_repeated() {
        for text in ["s3://key:s3cret@b/p", "s3://b?endpoint=http://key:s3cret@host", "s3://b?secret=s3cret"] {
            let error = bucket(text).map_err(|error| error.to_string()).err().unwrap_or_default();
            assert!(!error.is_empty() && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn the_address_says_more_than_the_environment() -> Result<(), AddressError> {
        let variable = |name: &str| name.ends_with("REGION").then(|| "from-env".to_owned());
        assert_eq!(bucket("s3://b")?.or(variable)?.region.as_deref(), Some("from-env"));
        assert_eq!(bucket("s3://b?region=mine")?.or(variable)?.region.as_deref(), Some("mine"));
        Ok(())
    }
}
