//! Artifacts, and the places where Argo keeps them: `ArtifactLocation` in workflow_types.go, v4.1.2.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{HttpHeader, KeyRef};
use crate::argo::value::text;

/// A file or directory that is handed on.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Artifact {
    /// Its name.
    pub(crate) name: String,
    /// Where it is in the container.
    pub(crate) path: String,
    /// A tag that names another artifact.
    pub(crate) from: String,
    /// An expression that gives another artifact.
    pub(crate) from_expression: String,
    /// A path below the referenced artifact.
    pub(crate) sub_path: String,
    /// Whether it may be missing.
    pub(crate) optional: bool,
    /// Permission bits.
    pub(crate) mode: Option<u32>,
    /// Whether `mode` also holds for everything below a directory.
    pub(crate) recurse_mode: bool,
    /// How it is packed where it is kept.
    pub(crate) archive: Option<Value>,
    /// Its content, given in the workflow.
    pub(crate) raw: Option<Raw>,
    /// A bucket of S3; with a key alone, in the store of the run.
    pub(crate) s3: Option<Value>,
    /// A bucket of Google Cloud Storage.
    pub(crate) gcs: Option<Value>,
    /// A container of Azure Blob Storage.
    pub(crate) azure: Option<Value>,
    /// A URL.
    pub(crate) http: Option<Value>,
    /// A git repository.
    pub(crate) git: Option<Value>,
    /// The name under which an output is known in the whole workflow.
    pub(crate) global_name: Option<String>,
}

/// The content of a raw artifact.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Raw {
    /// The text.
    pub(crate) data: String,
}

/// Where an artifact is kept.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    /// In a bucket of S3.
    S3(S3Artifact),
    /// In a bucket of Google Cloud Storage.
    Gcs(GcsArtifact),
    /// In a container of Azure Blob Storage.
    Azure(AzureArtifact),
    /// At a URL.
    Http(HttpArtifact),
    /// In a git repository.
    Git(GitArtifact),
}

/// `S3Artifact`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct S3Artifact {
    /// The service's host and port, without a scheme.
    pub(crate) endpoint: String,
    /// The bucket.
    pub(crate) bucket: String,
    /// Its region.
    pub(crate) region: String,
    /// Whether the service speaks http.
    pub(crate) insecure: bool,
    /// The access key's id.
    pub(crate) access_key_secret: Option<KeyRef>,
    /// The access key.
    pub(crate) secret_key_secret: Option<KeyRef>,
    /// The token of a key for a time.
    pub(crate) session_token_secret: Option<KeyRef>,
    /// A role to take on.
    #[serde(rename = "roleARN")]
    pub(crate) role_arn: String,
    /// Whether the bucket is made where there is none.
    pub(crate) create_bucket_if_not_present: Option<Value>,
    /// How the server encrypts.
    pub(crate) encryption_options: Option<Value>,
    /// Certificates of the authority that the service's is signed by.
    pub(crate) ca_secret: Option<KeyRef>,
    /// `path`, `virtual-hosted`, or what the service usually has.
    pub(crate) addressing_style: String,
    /// The key in the bucket.
    pub(crate) key: String,
}

/// `GCSArtifact`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GcsArtifact {
    /// The bucket.
    pub(crate) bucket: String,
    /// The JSON of a service account's key.
    pub(crate) service_account_key_secret: Option<KeyRef>,
    /// The key in the bucket.
    pub(crate) key: String,
}

/// `AzureArtifact`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AzureArtifact {
    /// The URL of the account's service.
    pub(crate) endpoint: String,
    /// The container.
    pub(crate) container: String,
    /// The account's key, or a shared access signature.
    pub(crate) account_key_secret: Option<KeyRef>,
    /// The blob in the container.
    pub(crate) blob: String,
}

/// `HTTPArtifact`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HttpArtifact {
    /// The URL.
    pub(crate) url: String,
    /// Headers of the request.
    pub(crate) headers: Vec<HttpHeader>,
    /// Who asks.
    pub(crate) auth: Option<HttpAuth>,
}

/// `HTTPAuth`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HttpAuth {
    /// A certificate of the client.
    pub(crate) client_cert: ClientCert,
    /// A token for the credentials of a client.
    #[serde(rename = "oauth2")]
    pub(crate) oauth2: OAuth2,
    /// A name and a password.
    pub(crate) basic_auth: BasicAuth,
}

/// `ClientCertAuth`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClientCert {
    /// The certificate.
    pub(crate) client_cert_secret: Option<KeyRef>,
    /// Its key.
    pub(crate) client_key_secret: Option<KeyRef>,
}

/// `OAuth2Auth`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OAuth2 {
    /// The client's id.
    #[serde(rename = "clientIDSecret")]
    pub(crate) client_id_secret: Option<KeyRef>,
    /// The client's secret.
    pub(crate) client_secret_secret: Option<KeyRef>,
    /// Where tokens are given.
    #[serde(rename = "tokenURLSecret")]
    pub(crate) token_url_secret: Option<KeyRef>,
    /// What the token is to allow.
    pub(crate) scopes: Vec<String>,
    /// More fields of the request for a token.
    pub(crate) endpoint_params: Vec<EndpointParam>,
}

/// `OAuth2EndpointParam`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointParam {
    /// The field.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: String,
}

/// `BasicAuth`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BasicAuth {
    /// The name.
    pub(crate) username_secret: Option<KeyRef>,
    /// The password.
    pub(crate) password_secret: Option<KeyRef>,
}

/// `GitArtifact`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GitArtifact {
    /// The URL of the repository.
    pub(crate) repo: String,
    /// What is checked out: a branch, a tag or a commit; the default branch where it is empty.
    pub(crate) revision: String,
    /// How many commits of each branch; all where there is none.
    pub(crate) depth: Option<u32>,
    /// More refspecs to fetch.
    pub(crate) fetch: Vec<String>,
    /// The user's name.
    pub(crate) username_secret: Option<KeyRef>,
    /// The password.
    pub(crate) password_secret: Option<KeyRef>,
    /// A key for ssh.
    pub(crate) ssh_private_key_secret: Option<KeyRef>,
    /// Whether any host is believed to be the right one.
    pub(crate) insecure_ignore_host_key: bool,
    /// Whether any certificate is.
    #[serde(rename = "insecureSkipTLS")]
    pub(crate) insecure_skip_tls: bool,
    /// Whether submodules are left out.
    pub(crate) disable_submodules: bool,
    /// Whether `branch` alone is fetched.
    pub(crate) single_branch: bool,
    /// The branch.
    pub(crate) branch: String,
}

impl Artifact {
    /// The field of its location, and what it says; raw content is none.
    pub(crate) fn place(&self) -> Option<(&'static str, &Value)> {
        // In the order of ArtifactLocation.Get.
        let places =
            [("azure", &self.azure), ("git", &self.git), ("gcs", &self.gcs), ("http", &self.http), ("s3", &self.s3)];
        places.into_iter().find_map(|(kind, place)| Some((kind, place.as_ref()?)))
    }

    /// Whether it says where its content is, at least within a repository. (HasLocationOrKey)
    pub(crate) fn has_content(&self) -> bool {
        let named = |(kind, place): (&str, &Value)| !text(place, key_field(kind)).is_empty();
        self.raw.is_some() || self.place().is_some_and(named)
    }

    /// The key of an artifact of the run: one in `s3` that says nothing else.
    pub(crate) fn key_of_run(&self) -> Option<&str> {
        let fields = self.s3.as_ref()?.as_object()?;
        if fields.keys().any(|field| field != "key") {
            return None;
        }
        fields.get("key")?.as_str().filter(|key| !key.is_empty())
    }

    /// Names what is below it. (AppendToKey)
    pub(crate) fn append(&mut self, below: &str) -> Result<(), String> {
        let kind = self.place().map(|(kind, _)| kind);
        let place = match kind {
            Some("s3") => &mut self.s3,
            Some("gcs") => &mut self.gcs,
            Some("azure") => &mut self.azure,
            Some("http") => &mut self.http,
            Some(kind) => return Err(format!("artifact {:?}: {kind} has no subPath", self.name)),
            None => return Err(format!("artifact {:?} has no key", self.name)),
        };
        if let (Some(place), Some(kind)) = (place, kind) {
            let field = key_field(kind);
            let key = format!("{}/{below}", text(place, field).trim_end_matches('/'));
            place[field] = key.into();
        }
        Ok(())
    }

    /// Where its content is; none of one that is raw or says nothing.
    pub(crate) fn location(&self) -> Result<Option<Location>, String> {
        self.place().map(|(kind, value)| Location::read(kind, value)).transpose()
    }

    /// The fields of a document that tell its content.
    pub(crate) const CONTENT: [&str; 7] = ["archive", "raw", "s3", "gcs", "azure", "http", "git"];

    /// It as it stands in a document.
    pub(crate) fn document(&self) -> Value {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        set("name", self.name.clone().into());
        if !self.path.is_empty() {
            set("path", self.path.clone().into());
        }
        if self.optional {
            set("optional", true.into());
        }
        if let Some(archive) = &self.archive {
            set("archive", archive.clone());
        }
        if let Some(raw) = &self.raw {
            set("raw", json!({ "data": raw.data }));
        }
        if let Some((kind, place)) = self.place() {
            set(kind, place.clone());
        }
        Value::Object(fields)
    }
}

/// The field that names the object within its place.
fn key_field(kind: &str) -> &'static str {
    match kind {
        "azure" => "blob",
        "git" => "repo",
        "http" => "url",
        _ => "key",
    }
}

impl Location {
    /// The location in a field of an artifact or of a repository.
    pub(crate) fn read(kind: &str, value: &Value) -> Result<Self, String> {
        let failed = |error: serde_json::Error| error.to_string();
        Ok(match kind {
            "s3" => Self::S3(Deserialize::deserialize(value).map_err(failed)?),
            "gcs" => Self::Gcs(Deserialize::deserialize(value).map_err(failed)?),
            "azure" => Self::Azure(Deserialize::deserialize(value).map_err(failed)?),
            "http" => Self::Http(Deserialize::deserialize(value).map_err(failed)?),
            "git" => Self::Git(Deserialize::deserialize(value).map_err(failed)?),
            other => return Err(format!("artifacts of {other} need a cluster")),
        })
    }

    /// The location of an artifact repository, or of a template's archiveLocation; none where it names no place.
    pub(crate) fn of_repository(value: &Value) -> Option<Result<Self, String>> {
        let kinds = ["artifactory", "azure", "gcs", "hdfs", "oss", "plugin", "s3"];
        let kind = kinds.into_iter().find(|kind| value.get(kind).is_some_and(Value::is_object))?;
        Some(Self::read(kind, &value[kind]))
    }

    /// Whether it is complete without a repository. (HasLocation)
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::S3(place) => ![&place.endpoint, &place.bucket, &place.key].iter().any(|text| text.is_empty()),
            Self::Gcs(place) => !place.bucket.is_empty() && !place.key.is_empty(),
            Self::Azure(place) => ![&place.endpoint, &place.container, &place.blob].iter().any(|text| text.is_empty()),
            Self::Http(place) => !place.url.is_empty(),
            Self::Git(place) => !place.repo.is_empty(),
        }
    }

    /// The key within its place.
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::S3(place) => &place.key,
            Self::Gcs(place) => &place.key,
            Self::Azure(place) => &place.blob,
            Self::Http(place) => &place.url,
            Self::Git(place) => &place.repo,
        }
    }

    /// The Secret that its credentials are in; none where it names none.
    pub(crate) fn secret(&self) -> Option<&KeyRef> {
        let secret = match self {
            Self::S3(place) => place.access_key_secret.as_ref(),
            Self::Gcs(place) => place.service_account_key_secret.as_ref(),
            Self::Azure(place) => place.account_key_secret.as_ref(),
            Self::Http(_) | Self::Git(_) => None,
        };
        secret.filter(|secret| !secret.name.is_empty())
    }

    /// The same place with another key. (SetKey)
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        match &mut self {
            Self::S3(place) => key.clone_into(&mut place.key),
            Self::Gcs(place) => key.clone_into(&mut place.key),
            Self::Azure(place) => key.clone_into(&mut place.blob),
            Self::Http(_) | Self::Git(_) => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(value: &Value) -> Artifact {
        Deserialize::deserialize(value).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_key_alone_is_of_the_run_or_of_a_repository() {
        let key = artifact(&json!({"name": "a", "s3": {"key": "w/a"}}));
        assert_eq!((key.key_of_run(), key.has_content()), (Some("w/a"), true));
        assert!(key.location().is_ok_and(|location| location.is_some_and(|location| !location.is_complete())));
        let whole = artifact(&json!({"name": "a", "s3": {"endpoint": "h", "bucket": "b", "key": "k"}}));
        assert_eq!(whole.key_of_run(), None);
        assert!(whole.location().is_ok_and(|location| location.is_some_and(|location| location.is_complete())));
        assert!(!artifact(&json!({"name": "a", "gcs": {"bucket": "b"}})).has_content());
    }

    #[test]
    fn a_document_keeps_the_whole_location() {
        let value = json!({"name": "a", "archive": {"none": {}}, "azure": {"endpoint": "e", "x": 1, "blob": "b"}});
        assert_eq!(artifact(&value).document(), value);
    }

    #[test]
    fn what_is_below_an_artifact_has_a_longer_key() {
        let mut http = artifact(&json!({"name": "a", "http": {"url": "https://h/x"}}));
        assert_eq!(http.append("y").map(|()| http.document()["http"]["url"].clone()), Ok(json!("https://h/x/y")));
        assert!(artifact(&json!({"name": "a", "git": {"repo": "r"}})).append("y").is_err());
    }
}
